"""How FDTA's detections become tracks; the code digest of tracks starts here."""

from __future__ import annotations

from models.fdta.network import PREFIX, build_association
from models.fdta.questions import answer
from models.fdta.tracker import build_tracker
from pipeline.contract.spec import Association

ASSOCIATION = Association(build_tracker=build_tracker, answer=answer, network=build_association, prefix=PREFIX)
