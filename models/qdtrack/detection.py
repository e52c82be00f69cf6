"""What QDTrack sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.qdtrack.decode import decode, decodes_with, describe
from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.memory import remember
from models.qdtrack.network import build_network
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(
    decode=decode,
    describe=describe,
    kind=QdtrackDetections,
    similarity="bisoftmax",
    decodes_with=decodes_with,
    remember=remember,
)
