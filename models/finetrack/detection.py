"""What FineTrack sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.finetrack.decode import decode, decodes_with, describe
from models.finetrack.network import build_network
from models.finetrack.options import carries_masks
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(decode=decode, describe=describe, decodes_with=decodes_with, part_masks=carries_masks)
