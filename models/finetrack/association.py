"""How FineTrack's detections become tracks; the code digest of tracks starts here."""

from __future__ import annotations

from models.finetrack.tracker import build_tracker
from models.finetrack.warm_up import warm_up
from pipeline.contract.spec import Association

ASSOCIATION = Association(build_tracker=build_tracker, warm_up=warm_up)
