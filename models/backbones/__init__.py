"""Feature extractors with stride-4 output, shared by the systems: one dict from name to constructor."""

from __future__ import annotations

from collections.abc import Callable

from models.backbones.dla import Dla34
from models.backbones.pyramid import Backbone, Pyramid
from models.backbones.resnet_fpn import ResnetFpn

__all__ = ["Backbone", "Dla34", "Pyramid", "ResnetFpn", "build"]

BACKBONES: dict[str, Callable[[int, bool], Backbone]] = {"resnet_fpn": ResnetFpn, "dla34": Dla34}


def build(name: str, width: int, memory: bool = False) -> Backbone:
    """The backbone of that name, with random weights.

    Args:
        name: key of `BACKBONES`.
        width: channels at stride 4.
        memory: whether its forward takes what is remembered of the frame before, see `MemoryStem`.
    """
    return BACKBONES[name](width, memory)
