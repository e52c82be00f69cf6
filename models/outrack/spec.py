"""OUTrack as the shared machinery knows it."""

from __future__ import annotations

from models.outrack.association import build_tracker
from models.outrack.detection import OutrackDetections, decode, decodes_with, describe, remember
from models.outrack.options import OutrackOptions, uses_depth, uses_identities
from models.outrack.rehearsal import rehearse, rehearse_training
from models.outrack.training import build_network, build_task, make_targets, trim
from pipeline.contract.spec import ModelSpec

SPEC = ModelSpec(
    name="outrack",
    options=OutrackOptions,
    reads="pair",
    clip_frames=2,
    uses_identities=uses_identities,
    build_network=build_network,
    build_task=build_task,
    make_targets=make_targets,
    trim=trim,
    decode=decode,
    describe=describe,
    build_tracker=build_tracker,
    detections=OutrackDetections,
    decodes_with=decodes_with,
    remember=remember,
    rehearse=rehearse,
    rehearse_training=rehearse_training,
    uses_depth=uses_depth,
)
