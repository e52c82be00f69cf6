"""QDTrack as the shared machinery knows it."""

from __future__ import annotations

from models.qdtrack.association import ASSOCIATION
from models.qdtrack.detection import DETECTION
from models.qdtrack.network import build_network, foreign_names
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.training import TRAINING
from pipeline.contract.spec import System

SPEC = System(
    name="qdtrack",
    options=QdtrackOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
    foreign_names=foreign_names,
)
