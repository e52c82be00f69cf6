"""How fast each parameter learns, and with which others its gradient is clipped."""

from __future__ import annotations

from typing import NamedTuple

from models.fdta.options import FdtaOptions

BACKBONE_RATE, PLACES_RATE = 0.1, 0.05
PLACES = ("reference_points", "sampling_offsets")


class Group(NamedTuple):
    """What a parameter belongs to.

    Attributes:
        rate: factor on the learning rate.
        decay: factor on the weight decay.
        clip: parameters of one word are clipped together.
    """

    rate: float
    decay: float
    clip: str


def group_of(name: str, options: FdtaOptions) -> Group:
    """The group of a parameter of the task, by its name (`network.detector.backbone.conv1.weight`).

    As released, weight decay is the same for all, the detector is clipped by itself, and the rest (association and identity adapter)
    by itself; the released code leaves the identity adapter out of clipping.
    """
    clip = "detector" if name.startswith("network.detector.") else "association"
    if ".backbone." in name:
        return Group(BACKBONE_RATE if options.network.backbone == "resnet50" else 1.0, 1.0, clip)
    return Group(PLACES_RATE if any(place in name for place in PLACES) else 1.0, 1.0, clip)
