"""What FDTA sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.fdta.decode import FdtaDetections, decode, describe
from models.fdta.network import build_network
from pipeline.contract.spec import Detection

__all__ = ["DETECTION", "build_network"]

DETECTION = Detection(decode=decode, describe=describe, kind=FdtaDetections)
