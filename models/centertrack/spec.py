"""CenterTrack as the shared machinery knows it."""

from __future__ import annotations

from models.centertrack.association import ASSOCIATION
from models.centertrack.detection import DETECTION
from models.centertrack.network import build_network
from models.centertrack.options import CentertrackOptions
from models.centertrack.training import TRAINING
from pipeline.contract.spec import System

SPEC = System(
    name="centertrack",
    options=CentertrackOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
)
