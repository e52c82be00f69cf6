"""A network as MLflow keeps it: a torch.export program with signature and example, free of pickles."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mlflow import pytorch
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import Schema, TensorSpec
from numpy.typing import NDArray
from torch import Tensor, nn

GREY_LEVELS = 4


def log_network(network: nn.Module, example: NDArray[np.float32], name: str, files: list[str]) -> str:
    """Log a network to the active MLflow run and register it.

    What is kept takes any number of images of the example's size and returns a flat dict of tensors, nested fields as `outer.inner`.

    Args:
        network: any module of (N, 3, H, W) float32 that returns a tensor, or (nested) NamedTuples, tuples or dicts of them.
        example: (1, 3, H, W) float32 in [0, 1].
        name: of the logged and of the registered model.
        files: kept beside the program.

    Returns:
        The registered version.
    """
    flat = _Flat(network)
    # torch.export makes a dimension of size 1 a constant, so the example has two images. MLflow keeps them as JSON text, hence few
    # grey levels: at 1088x608 exact floats would be 170 MB of it.
    images = np.repeat((np.asarray(example[:1], np.float32) * GREY_LEVELS).round() / GREY_LEVELS, 2, axis=0)
    with torch.no_grad():
        outputs = flat(torch.from_numpy(images))
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, *images.shape[1:]), "images")]),
        outputs=Schema([TensorSpec(value.numpy().dtype, (-1, *value.shape[1:]), key) for key, value in outputs.items()]),
    )
    with _silence():
        logged = pytorch.log_model(
            flat,
            name=name,
            registered_model_name=name,
            signature=signature,
            input_example=images,
            serialization_format="pt2",
            extra_files=files,
            pip_requirements=[f"torch=={torch.__version__.split('+')[0]}", f"numpy=={np.__version__}"],
        )
    return str(logged.registered_model_version)


class _Flat(nn.Module):
    """A CPU float32 copy of a network in evaluation mode; the original keeps its mode and device."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).to("cpu", torch.float32)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return dict(_leaves(self.network(images), ""))


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Named tensors of nested tuples, NamedTuples and dicts; a None (a head that is off) has none."""
    if value is None:
        return
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, (tuple, list)):
        items = list(zip(getattr(value, "_fields", range(len(value))), value, strict=True))
    else:
        yield prefix or "output", value
        return
    for key, item in items:
        yield from _leaves(item, f"{prefix}.{key}" if prefix else str(key))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep MLflow's remarks out of the log: it doubts every example, as its serving knows no networks with named outputs."""
    logger = logging.getLogger("mlflow.models.model")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
