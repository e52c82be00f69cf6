"""How fast each parameter learns, and with which others its gradient is clipped."""

from __future__ import annotations

from models.fdta.options import FdtaOptions
from pipeline.contract.spec import Group

BACKBONE_RATE, PLACES_RATE = 0.1, 0.05
PLACES = ("reference_points", "sampling_offsets")


def group_of(name: str, options: FdtaOptions) -> Group:
    """The group of a parameter of the task, by its name (`network.detector.backbone.conv1.weight`).

    As released, weight decay is the same for all, biases and norms included, the detector is clipped by itself, and the rest
    (association and identity adapter) by itself; the released code leaves the identity adapter out of clipping.
    """
    clip = "detector" if name.startswith("network.detector.") else "association"
    if ".backbone." in name:
        return Group(BACKBONE_RATE if options.network.backbone == "resnet50" else 1.0, decays_vectors=True, clip=clip)
    return Group(PLACES_RATE if any(place in name for place in PLACES) else 1.0, decays_vectors=True, clip=clip)
