"""How OUTrack's detections become tracks; the code digest of tracks starts here."""

from __future__ import annotations

from models.outrack.tracker import build_tracker

__all__ = ["build_tracker"]
