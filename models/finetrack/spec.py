"""FineTrack as the shared machinery knows it."""

from __future__ import annotations

from models.finetrack.association import ASSOCIATION
from models.finetrack.detection import DETECTION
from models.finetrack.network import build_network
from models.finetrack.options import FinetrackOptions
from models.finetrack.training import TRAINING
from pipeline.contract.spec import System

SPEC = System(
    name="finetrack",
    options=FinetrackOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
)
