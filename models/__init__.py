"""The systems that can be trained: from the name in params.yaml to the modules of its `SPEC` and its options."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.errors import UserError

if TYPE_CHECKING:
    from pipeline.contract.spec import ModelSpec

MODELS = {"outrack": "models.outrack.spec"}
OPTIONS = {"outrack": "models.outrack.options"}


def load(name: str) -> ModelSpec:
    """The spec of a system (imports torch).

    Raises:
        UserError: no system has that name.
    """
    spec: ModelSpec = _module(MODELS, name).SPEC
    return spec


def options(name: str) -> type[BaseModel]:
    """The pydantic class that checks the `model` section's network, loss and tracker, without importing torch.

    Raises:
        UserError: no system has that name.
    """
    kind: type[BaseModel] = _module(OPTIONS, name).OPTIONS
    return kind


def _module(modules: dict[str, str], name: str) -> Any:
    if name not in modules:
        raise UserError(f"model.name: {name!r} is not a system of this repository; allowed: {', '.join(modules)}\nnext: set model.name")
    return import_module(modules[name])
