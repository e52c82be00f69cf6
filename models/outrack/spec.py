"""OUTrack as the shared machinery knows it."""

from __future__ import annotations

from models.outrack.association import ASSOCIATION
from models.outrack.detection import DETECTION
from models.outrack.network import build_network
from models.outrack.options import OutrackOptions
from models.outrack.training import TRAINING
from pipeline.contract.spec import System

SPEC = System(
    name="outrack",
    options=OutrackOptions,
    build_network=build_network,
    detection=DETECTION,
    association=ASSOCIATION,
    training=TRAINING,
)
