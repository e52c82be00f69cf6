"""The systems that can be trained: one dict from the name in params.yaml to the module that holds its `SPEC`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import BaseModel

from pipeline.errors import UserError

if TYPE_CHECKING:
    from pipeline.spec import ModelSpec

MODELS = {"outrack": "models.outrack"}


def load(name: str) -> ModelSpec:
    """The spec of a system (imports torch).

    Raises:
        UserError: no system has that name.
    """
    spec: ModelSpec = import_module(_module(name)).SPEC
    return spec


def options(name: str) -> type[BaseModel]:
    """The pydantic class that checks the `model` section's network, loss and tracker, without importing torch.

    Raises:
        UserError: no system has that name.
    """
    kind: type[BaseModel] = import_module(f"{_module(name)}.options").OPTIONS
    return kind


def _module(name: str) -> str:
    if name not in MODELS:
        raise UserError(f"model.name: {name!r} is not a system of this repository; allowed: {', '.join(MODELS)}\nnext: set model.name")
    return MODELS[name]
