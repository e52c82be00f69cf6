"""Scores from observation files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.contract.detections import Detections
from pipeline.errors import UserError
from pipeline.files.observations import Observation, ObservationWriter
from pipeline.scoring.network import score_network
from pipeline.scoring.sequences import Rows, ScoredSequence

NONE = Rows(*(np.zeros(shape, kind) for shape, kind in ((0, "i8"), (0, "i8"), ((0, 4), "f8"), (0, "f8"), (0, "i8"), (0, "?"))))
EMPTY = np.zeros((0, 4), np.float32)


def sequence(name: str, frames: int = 4) -> ScoredSequence:
    """Per frame: person 1, person 2, and a reflection 3 (class 12, flag 0)."""
    numbers = np.arange(1, frames + 1)
    truth = Rows(
        np.repeat(numbers, 3),
        np.tile([1, 2, 3], frames),
        np.tile([[0, 0, 10, 20], [50, 0, 10, 20], [90, 0, 10, 20]], (frames, 1)).astype(float),
        np.tile([1.0, 1.0, 0.0], frames),
        np.tile([1, 1, 12], frames),
        np.zeros(3 * frames, bool),
    )
    return ScoredSequence(name, numbers, truth, NONE)


def write(path: Path, frames: range, angles: dict[int, float], visibility: float = 1.0, **figures: list[float]) -> None:
    """Detections on all three boxes; embeddings at `angles` (degrees) by identity."""
    boxes = np.array([[0, 0, 10, 20], [50, 0, 60, 20], [90, 0, 100, 20]], np.float32)
    radians = np.radians(list(angles.values()))
    embeddings = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    with ObservationWriter(path, sequence=path.stem, width=100, height=20, frame_rate=10.0) as writer:
        for frame in frames:
            visible = np.full(len(angles), visibility, np.float32)
            scores = np.array([0.9, 0.8, 0.95], np.float32)
            seen = Detections(boxes, scores, np.zeros((3, 0), np.float32))
            measured = {name: np.array(values, np.float32) for name, values in figures.items()}
            writer.write(Observation(frame, seen, np.array(list(angles)), visible, embeddings, **measured))


def test_both_scores(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", range(1, 5), {1: 0, 2: 90, 3: 45})
    reid, detection, *_ = score_network([sequence("a")], tmp_path, "MOT17", 0.7)
    assert reid == (100, 100, 4, 4, 2), "the reflection takes no part"
    assert detection[:4] == (100, 100, 8, 8), "nor does the detection on it"


def test_identity_numbers_count_within_a_sequence(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", range(1, 5), {1: 0, 2: 90})
    write(tmp_path / "b.parquet", range(1, 5), {1: 180, 2: 270})
    reid, *_ = score_network([sequence("a"), sequence("b")], tmp_path, "MOT17", 0.7)
    assert reid == (pytest.approx(100), pytest.approx(100), 8, 8, 4)


def test_of_too_many_boxes_whole_frames_are_left_out_evenly(tmp_path, monkeypatch, capsys) -> None:
    write(tmp_path / "a.parquet", range(1, 9), {1: 0, 2: 90})
    monkeypatch.setattr("pipeline.scoring.network.MOST_COMPARED", 10)
    reid, detection, *_ = score_network([sequence("a", 8)], tmp_path, "MOT17", 0.7)
    assert reid == (100, 100, 4, 4, 2), "frames 1, 3, 5 and 7"
    assert detection.objects == 16, "AP counts every frame"
    assert capsys.readouterr().err == "re-identification compares one frame of 2: there are over 10 boxes in all\n"


def test_frames_outside_the_part_and_hidden_boxes_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", range(1, 9), {1: 0, 2: 90})
    reid, detection, *_ = score_network([sequence("a")], tmp_path, "MOT17", 0.7)
    assert reid.queries + reid.gallery == 8
    assert detection.objects == 8
    write(tmp_path / "a.parquet", range(1, 5), {1: 0, 2: 90}, visibility=0.5)
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.7)[0].queries == 0
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.5)[0].queries == 4


def test_badly_seen_boxes_are_compared_by_themselves(tmp_path: Path) -> None:
    """The border itself is seen well enough for neither."""
    write(tmp_path / "a.parquet", range(1, 5), {1: 0, 2: 90, 3: 45}, visibility=0.4)
    found = score_network([sequence("a")], tmp_path, "MOT17", 0.7, max_visibility=0.5)
    assert found.reid is not None
    assert (found.reid.queries, found.hidden) == (0, (100, 100, 4, 4, 2))
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.4, max_visibility=0.4).hidden == (0, 0, 0, 0, 0)
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.7).hidden is None


def test_figures_of_masks_are_means_over_scored_boxes(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", range(1, 5), {1: 0, 2: 90, 3: 45}, overlaps=[0.25, 0.75, 9], focuses=[3, np.nan, 9])
    write(tmp_path / "b.parquet", range(1, 5), {1: 0}, overlaps=[np.nan], focuses=[np.nan])
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.7).parts == (0.5, 8, 3, 4), "the reflection takes no part"
    assert score_network([sequence("b")], tmp_path, "MOT17", 0.7).parts == (None, 0, None, 0)
    write(tmp_path / "a.parquet", range(1, 5), {1: 0})
    assert score_network([sequence("a")], tmp_path, "MOT17", 0.7).parts is None, "a system without masks"


def test_a_frame_without_observation_is_missed(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", range(1, 4), {1: 0})
    _, detection, *_ = score_network([sequence("a")], tmp_path, "MOT17", 0.7)
    assert detection.recall == 75
    assert pytest.approx(75) == detection.AP50


def test_a_network_without_embeddings_has_no_retrieval(tmp_path: Path) -> None:
    boxes, scores = np.array([[0, 0, 10, 20]], np.float32), np.array([0.9], np.float32)
    with ObservationWriter(tmp_path / "a.parquet", sequence="a", width=100, height=20, frame_rate=10.0) as writer:
        for frame in range(1, 5):
            nothing = np.zeros((2, 0), np.float32)
            seen = Detections(boxes, scores, nothing[:1])
            writer.write(Observation(frame, seen, np.array([1, 2]), np.ones(2, np.float32), nothing))
    reid, detection, *_ = score_network([sequence("a")], tmp_path, "MOT17", 0.7)
    assert reid is None
    assert detection.recall == 50


def test_missing_observations_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.parquet"):
        score_network([sequence("a")], tmp_path, "MOT17", 0.7)
