"""What CenterTrack sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.centertrack.decode import CentertrackDetections, decode, decodes_with, describe
from models.centertrack.memory import remember
from models.centertrack.network import build_network
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(decode=decode, describe=describe, kind=CentertrackDetections, decodes_with=decodes_with, remember=remember)
