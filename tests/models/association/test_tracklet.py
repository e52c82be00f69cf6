"""The memory: identities, averages and what is forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from models.association.kernels import kalman
from models.association.tracklet import Phase, Tracklets

BOXES = np.array([[0, 0, 40, 100], [200, 0, 240, 100]], np.float32)
SCORES = np.array([0.9, 0.8], np.float32)
EMBEDDINGS = np.array([[2, 0], [0, 1]], np.float32)


def _two() -> Tracklets:
    tracks = Tracklets()
    tracks.start(BOXES, SCORES, EMBEDDINGS, frame=1, phase=Phase.TRACKED)
    return tracks


def test_identities_count_from_one_in_each_instance() -> None:
    first, second = _two(), _two()
    first.start(BOXES, SCORES, EMBEDDINGS, frame=2, phase=Phase.NEW)
    assert first.identity.tolist() == [1, 2, 3, 4]
    assert second.identity.tolist() == [1, 2]


def test_identities_are_never_used_again() -> None:
    tracks = _two()
    tracks.keep(np.array([False, False]))
    tracks.start(BOXES, SCORES, EMBEDDINGS, frame=2, phase=Phase.NEW)
    assert tracks.identity.tolist() == [3, 4]


def test_embedding_is_a_running_average_of_unit_length() -> None:
    tracks = _two()
    np.testing.assert_allclose(tracks.embedding, [[1, 0], [0, 1]])
    tracks.match(np.array([0]), BOXES[:1], SCORES[:1], np.array([[0, 5]], np.float32), frame=2, momentum=0.9)
    np.testing.assert_allclose(tracks.embedding[0], np.array([0.9, 0.1]) / np.hypot(0.9, 0.1), rtol=1e-6)
    np.testing.assert_allclose(tracks.embedding[1], [0, 1])


def test_match_renews_and_predict_moves() -> None:
    tracks = _two()
    tracks.phase[:] = Phase.LOST
    tracks.lost_frames[:] = 3
    moved = BOXES + np.float32([8, 0, 8, 0])
    tracks.predict()
    tracks.match(np.array([1]), moved[1:], SCORES[1:], EMBEDDINGS[1:], frame=5, momentum=0.9)
    assert tracks.phase.tolist() == [Phase.LOST, Phase.TRACKED]
    assert tracks.seen.tolist() == [1, 5]
    assert tracks.lost_frames.tolist() == [3, 0]
    before = tracks.boxes()
    tracks.predict()
    assert (tracks.boxes() - before)[1, 0] > 1  # it has learned to move right
    np.testing.assert_allclose(tracks.boxes()[0], before[0])


def test_height_of_the_lost_is_not_extrapolated() -> None:
    tracks = _two()
    tracks.beliefs[:, kalman.VELOCITY, 3] = 5.0
    tracks.phase[1] = Phase.LOST
    tracks.predict()
    np.testing.assert_allclose(tracks.beliefs[:, kalman.POSITION, 3], [105, 100])


def test_keep_and_among() -> None:
    tracks = _two()
    tracks.phase[1] = Phase.LOST
    assert tracks.among(Phase.LOST, Phase.NEW).tolist() == [1]
    tracks.keep(np.array([False, True]))
    assert len(tracks) == 1
    np.testing.assert_allclose(tracks.boxes(), BOXES[1:])
    assert tracks.embedding.tolist() == [[0, 1]]


def test_without_embeddings() -> None:
    tracks = Tracklets()
    none = np.zeros((2, 0), np.float32)
    tracks.start(BOXES, SCORES, none, frame=1, phase=Phase.TRACKED)
    tracks.match(np.array([0, 1]), BOXES, SCORES, none, frame=2, momentum=0.9)
    assert tracks.embedding.shape == (2, 0)


def test_tracking_needs_no_torch() -> None:
    modules = "affinity, assignment, births, tracklet"
    code = f"import sys; from models.association import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).resolve().parents[3]).returncode == 0
