"""What OUTrack sees in a frame; the code digest of observations starts here."""

from __future__ import annotations

from models.centertrack.memory import remember
from models.outrack.decode import OutrackDetections, decode, decodes_with, describe
from models.outrack.network import build_network

__all__ = ["OutrackDetections", "build_network", "decode", "decodes_with", "describe", "remember"]
