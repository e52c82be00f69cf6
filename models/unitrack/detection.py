"""What UniTrack sees at given boxes; the code digest of observations starts here. It detects nothing by itself."""

from __future__ import annotations

from models.unitrack.decode import UnitrackDetections, decodes_with, describe
from models.unitrack.network import build_network
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(decode=None, describe=describe, kind=UnitrackDetections, decodes_with=decodes_with)
