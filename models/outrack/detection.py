"""What OUTrack sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.occlusion.detections import OccludedDetections
from models.outrack.decode import decode, decodes_with, describe
from models.outrack.network import build_network
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(decode=decode, describe=describe, kind=OccludedDetections, decodes_with=decodes_with)
