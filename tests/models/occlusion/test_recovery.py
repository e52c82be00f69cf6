"""Refinding as the trackers use it: what is found, what is not, and a lost track whose person went on under a new identity."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.tracklet import Phase, Tracklets
from models.occlusion.detections import OccludedDetections
from models.occlusion.recovery import Recovery
from tests.models.outrack.samples import small_options

OCCLUDER, HIDDEN = [100.0, 50.0, 140.0, 150.0], [120.0, 50.0, 160.0, 150.0]
BETWEEN = [130.0, 100.0]  # the middle of their overlap


def seen(centres: list[list[float]]) -> OccludedDetections:
    return OccludedDetections(
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        embeddings=np.zeros((0, 4), np.float32),
        occlusion_centres=np.array(centres, np.float32).reshape(-1, 2),
        occlusion_scores=np.ones(len(centres), np.float32),
    )


def scene(*, third_born: int | None = None, centres: list[list[float]]) -> list[int]:
    """Phases after frame 5 of a visible occluder, a person lost since frame 3, and, where asked, a visible one on that spot."""
    options = small_options(tracker={"refind": "paper", "refind_threshold": 0.7, "refind_window": 3}).tracker
    tracks = Tracklets()
    boxes = [OCCLUDER, HIDDEN, *([HIDDEN] if third_born else [])]
    for number, box in enumerate(boxes):
        born = third_born if number == 2 and third_born else 1
        tracks.start(np.array([box], np.float32), np.ones(1, np.float32), np.ones((1, 4), np.float32), frame=born, phase=Phase.TRACKED)
    tracks.seen[:] = 5
    tracks.seen[1], tracks.phase[1] = 3, Phase.LOST
    Recovery(options, 640, 360).step(tracks, tracks.boxes(), seen(centres), 5)
    return [int(phase) for phase in tracks.phase]


def test_the_hidden_is_recovered_at_an_occlusion_centre() -> None:
    assert scene(centres=[BETWEEN]) == [Phase.TRACKED, Phase.RECOVERED]
    assert scene(centres=[]) == [Phase.TRACKED, Phase.LOST]


@pytest.mark.parametrize(("born", "phase"), [(4, Phase.LOST), (2, Phase.RECOVERED)])
def test_a_person_who_went_on_under_a_new_identity_is_not_refound(born: int, phase: Phase) -> None:
    """One that stood there while the lost track was still seen is somebody else."""
    assert scene(third_born=born, centres=[BETWEEN])[1] == phase
