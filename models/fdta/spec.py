"""FDTA as the shared machinery knows it."""

from __future__ import annotations

from models.fdta.decode import FdtaDetections, decode, decodes_with, describe
from models.fdta.loss import build_task
from models.fdta.network import build_network
from models.fdta.options import FdtaOptions, uses_depth, uses_identities
from models.fdta.targets import make_targets, trim
from models.fdta.tracker import build_tracker
from pipeline.spec import ModelSpec

SPEC = ModelSpec(
    name="fdta",
    options=FdtaOptions,
    reads="clip",
    clip_frames=30,
    uses_identities=uses_identities,
    build_network=build_network,
    build_task=build_task,
    make_targets=make_targets,
    trim=trim,
    decode=decode,
    describe=describe,
    build_tracker=build_tracker,
    detections=FdtaDetections,
    decodes_with=decodes_with,
    uses_depth=uses_depth,
)
