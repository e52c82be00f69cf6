"""What trains OUTrack; the code digest of the training stages starts here."""

from __future__ import annotations

from models.outrack.network import build_network
from models.outrack.styles import build_task, make_targets
from models.outrack.targets import trim

__all__ = ["build_network", "build_task", "make_targets", "trim"]
