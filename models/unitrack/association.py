"""How given detections become UniTrack's tracks; the code digest of tracks starts here."""

from __future__ import annotations

from models.unitrack.mot_tracker import build_tracker
from models.unitrack.warm_up import warm_up
from pipeline.contract.spec import Association

ASSOCIATION = Association(build_tracker=build_tracker, warm_up=warm_up)
