"""Weights on disk: safetensors with a card that says how to build the network, and loading that accounts for every tensor.

A checkpoint that fits only in part is the classic silent failure of this field, so `load` names what was loaded, what the file lacks,
what has another shape and what nobody asked for, and refuses a file that fills too little of the network.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.artifacts.store import Place, write_text
from pipeline.errors import UserError
from pipeline.files.appearance import LearntFrom
from pipeline.params.classes import PEDESTRIANS

WEIGHTS = "weights.safetensors"
CARD = "model.json"
NAMES_SHOWN = 5
Names = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
_COUNTERS = "num_batches_tracked"  # of batch normalisation: no weight, absent from many published files


@dataclass(frozen=True)
class LoadReport:
    """What became of every tensor; names are the network's except for `unexpected`.

    Attributes:
        loaded: taken over.
        missing: in the network, not in the file.
        mismatched: in both, of another shape: name, the network's shape, the file's.
        unexpected: in the file, not in the network.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    unexpected: tuple[str, ...]

    @property
    def share(self) -> float:
        """Loaded tensors over the network's tensors."""
        wanted = len(self.loaded) + len(self.missing) + len(self.mismatched)
        return len(self.loaded) / wanted if wanted else 1.0

    def __str__(self) -> str:
        shapes = [f"{name} {list(ours)} here, {list(theirs)} in the file" for name, ours, theirs in self.mismatched]
        lines = [f"{len(self.loaded)} of {len(self.loaded) + len(self.missing) + len(self.mismatched)} tensors loaded"]
        lines += [_first("missing from the file", self.missing), _first("of another shape", shapes), _first("unused", self.unexpected)]
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class ModelCard:
    """What a published model folder says about itself (model.json).

    Attributes:
        name: of the system, as in params.yaml.
        options: its `network`, `loss` and `tracker` mappings.
        width: of the network input it was trained at.
        height: of the network input.
        fingerprint: of the training run.
        classes: names of what it learnt; detections count their classes in this list.
        seen: what it learnt from; None where nobody knows, as of weights that were given.
    """

    name: str
    options: dict[str, Any]
    width: int
    height: int
    fingerprint: str
    classes: tuple[str, ...] = PEDESTRIANS
    seen: LearntFrom | None = None

    def write(self, path: Path) -> None:
        """Write model.json; classes are stated where there are others than pedestrians, what was seen where it is known."""
        stated = asdict(self)
        if self.seen is None:
            del stated["seen"]
        if self.classes == PEDESTRIANS:
            del stated["classes"]
        write_text(path, json.dumps(stated, indent=1, sort_keys=True) + "\n")


def load_model(folder: Place) -> ModelCard:
    """Read the card of a published model folder; the caller builds the network and loads `folder / WEIGHTS`.

    Raises:
        UserError: the folder holds no model.
    """
    path = folder / CARD
    try:
        stated = json.loads(path.read_text())
        seen = LearntFrom.of_card(stated["seen"]) if stated.get("seen") else None
        return ModelCard(**(stated | {"classes": tuple(stated.get("classes", PEDESTRIANS)), "seen": seen}))
    except FileNotFoundError:
        raise UserError(
            f"{folder}: not a model folder ({CARD} is missing)\nnext: run `dvc repro finetune`, or name a folder that holds one"
        ) from None
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError(f"{path}: not a model card ({error})\nnext: run `dvc repro finetune` again") from None


def save(network: nn.Module, path: Place) -> None:
    """Write a network's parameters and buffers as safetensors; equal weights give equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if isinstance(path, Path):
        save_file(tensors, path)
    else:
        path.write_bytes(safetensors.torch.save(tensors))


def load(network: nn.Module, path: Place, min_loaded: float = 1.0, foreign_names: Names | None = None) -> LoadReport:
    """Copy weights from a file into a network by name and shape.

    Args:
        network: changed in place, unless the file is refused.
        path: .safetensors, or a PyTorch file whose state dict may lie under `state_dict` or `model`; names may start with `module.`.
        min_loaded: least share of the network's tensors that the file must fill.
        foreign_names: the file's tensors by name -> by the network's names (`System.foreign_names`); for weights of somebody else.

    Raises:
        UserError: the file is missing, unreadable, would run code when loaded, or fills too little.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith(_COUNTERS)}
    read = _read(path)
    named = read if foreign_names is None else foreign_names(read)
    found = {name.removeprefix("module."): tensor for name, tensor in named.items()}
    fitting = {name: tensor for name, tensor in found.items() if name in wanted and tensor.shape == wanted[name].shape}
    _check_values(path, fitting)
    report = LoadReport(
        loaded=tuple(fitting),
        missing=tuple(name for name in wanted if name not in found),
        mismatched=tuple(
            (name, tuple(wanted[name].shape), tuple(found[name].shape)) for name in wanted if name in found and name not in fitting
        ),
        unexpected=tuple(name for name in found if name not in wanted and not name.endswith(_COUNTERS)),
    )
    if report.share < min_loaded:
        raise UserError(
            f"{path}: fits the network only in part ({report.share:.0%}, at least {min_loaded:.0%} asked); of another architecture?\n"
            f"{report}\nnext: use weights of the same model.network options, or lower min_loaded to start from a part of them"
        )
    counters = {name: tensor for name, tensor in found.items() if name.endswith(_COUNTERS)}
    network.load_state_dict(fitting | counters, strict=False)
    return report


def read_part(path: Place, prefix: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose names start with `prefix`, by the rest of their names; no other is read from a local file.

    Raises:
        UserError: the file is missing or unreadable.
    """
    if not isinstance(path, Path) or not path.is_file():
        return {name.removeprefix(prefix): tensor for name, tensor in _read(path).items() if name.startswith(prefix)}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return {name.removeprefix(prefix): file.get_tensor(name) for name in sorted(file.keys()) if name.startswith(prefix)}
    except SafetensorError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Place, error: Exception) -> UserError:
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"{path}: cannot be read as weights without running its code ({message})\nnext: convert it to safetensors")


def _read(path: Place) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: no such weights file\nnext: check the path, or set weights to null")
    source = path if isinstance(path, Path) else io.BytesIO(path.read_bytes())  # whose errors are the connection's
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(source)) if isinstance(source, Path) else safetensors.torch.load(source.getvalue())
        body = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise whatever the damage leads to
        raise _unreadable(path, error) from None
    for key in ("state_dict", "model"):
        if isinstance(body, Mapping) and isinstance(body.get(key), Mapping):
            body = body[key]
    named = body.items() if isinstance(body, Mapping) else ()
    tensors = {name: value for name, value in named if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"{path}: holds no state dict\nnext: save the network's state_dict(), or convert it to safetensors")
    return tensors


def _check_values(path: Place, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that hold no values, and values that are no numbers.

    Raises:
        UserError: names the tensors.
    """
    empty = [name for name, tensor in tensors.items() if tensor.is_meta or tensor.is_quantized or tensor.layout != torch.strided]
    broken = [name for name, tensor in tensors.items() if name not in empty and not bool(torch.isfinite(tensor).all())]
    for names, what in ((empty, "are sparse, quantised or without values"), (broken, "hold NaN or infinity")):
        if names:
            raise UserError(
                f"{path}: {len(names)} tensors {what}, first {names[0]}\nnext: use the state_dict of a network whose loss was finite"
            )


def _first(label: str, names: tuple[str, ...] | list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"  {label}: {', '.join(names[:NAMES_SHOWN])}{more}"
