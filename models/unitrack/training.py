"""UniTrack is never trained: both training stages publish the weights that they are given. The code digest of these stages starts here."""

from __future__ import annotations

from models.unitrack.layouts import foreign_names
from models.unitrack.network import build_network

__all__ = ["TRAINING", "build_network", "foreign_names"]

TRAINING = None
