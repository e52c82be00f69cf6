"""The systems: from the name in params.yaml to a folder here.

Its `spec.py` holds `SPEC`, its `options.py` the classes that check what it reads of params.yaml: `OPTIONS` and `TRAINING_OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.errors import UserError
from pipeline.params.file import validate

if TYPE_CHECKING:
    from pipeline.contract.spec import ModelSpec

SYSTEMS = ("outrack", "centertrack", "qdtrack", "unitrack", "fdta", "finetrack")


def load(name: str) -> ModelSpec:
    """The spec of a system (imports torch).

    Raises:
        UserError: no system has that name.
    """
    spec: ModelSpec = _module(name, "spec").SPEC
    return spec


def options(name: str) -> type[BaseModel]:
    """The pydantic class that checks the `model` section's network, loss and tracker, without importing torch.

    Raises:
        UserError: no system has that name.
    """
    kind: type[BaseModel] = _module(name, "options").OPTIONS
    return kind


def training_options(name: str) -> type[BaseModel]:
    """The pydantic class that checks `pretrain.model` and `finetune.model`, without importing torch.

    Raises:
        UserError: no system has that name.
    """
    kind: type[BaseModel] = _module(name, "options").TRAINING_OPTIONS
    return kind


def detects(name: str) -> bool:
    """Whether a system finds objects by itself, as `DETECTS` of its options says; without importing torch.

    Raises:
        UserError: no system has that name.
    """
    return bool(getattr(_module(name, "options"), "DETECTS", True))


def carries_masks(name: str, options: BaseModel) -> bool:
    """Whether a system's detections carry masks of parts, as `CARRIES_MASKS` of its options says; without importing torch.

    Raises:
        UserError: no system has that name.
    """
    said = getattr(_module(name, "options"), "CARRIES_MASKS", None)
    return said is not None and bool(said(options))


def of_card(name: str, raw: Mapping[str, Any], tracker: Mapping[str, Any] | None, where: str) -> tuple[ModelSpec, BaseModel]:
    """The system and the checked options of a published model.

    Args:
        name: of the system that the model's card states.
        raw: the options that it states; those of earlier versions of a system are read as its `from_earlier` says.
        tracker: options of the tracker that stand for the card's; None: the card's own.
        where: the card, for messages.

    Raises:
        UserError: no system has that name, or the options are not its own.
    """
    from_earlier = getattr(_module(name, "options"), "from_earlier", None)
    known, options = from_earlier(raw) if from_earlier is not None else (name, dict(raw))
    spec = load(known)
    return spec, validate(spec.options, options if tracker is None else {**options, "tracker": dict(tracker)}, where=where)


def _module(system: str, file: str) -> Any:
    if system not in SYSTEMS:
        raise UserError(f"model.name: {system!r} is not a system of this repository; allowed: {', '.join(SYSTEMS)}\nnext: set model.name")
    return import_module(f"{__name__}.{system}.{file}")
