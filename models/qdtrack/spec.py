"""QDTrack as the shared machinery knows it."""

from __future__ import annotations

from models.qdtrack.decode import QdtrackDetections, decode, decodes_with, describe
from models.qdtrack.loss import build_task
from models.qdtrack.memory import remember
from models.qdtrack.network import build_network
from models.qdtrack.options import QdtrackOptions, uses_depth, uses_identities
from models.qdtrack.rehearsal import rehearse, rehearse_training
from models.qdtrack.targets import make_targets, trim
from models.qdtrack.tracker import build_tracker
from pipeline.spec import ModelSpec

SPEC = ModelSpec(
    name="qdtrack",
    options=QdtrackOptions,
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
    detections=QdtrackDetections,
    decodes_with=decodes_with,
    remember=remember,
    rehearse=rehearse,
    rehearse_training=rehearse_training,
    uses_depth=uses_depth,
)
