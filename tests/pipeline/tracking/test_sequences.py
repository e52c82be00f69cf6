"""Result rows, speeds, and one job without Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.publication import Publication
from pipeline.contract.detections import Detections
from pipeline.contract.spec import Detection
from pipeline.files import mot_text, schema
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.files.observations import read_observations
from pipeline.files.run_lengths import encode_mask
from pipeline.tracking import sequences
from pipeline.tracking.association import retrack
from pipeline.tracking.sequences import Job, Outputs, Timing, associate_sequences, speed, track_sequence
from tests.pipeline import seen


def test_speed_is_frames_over_the_sum_of_seconds() -> None:
    measured = speed({"b": Timing(30, 2.0, {"network": 1.5}), "a": Timing(10, 2.0, {"network": 0.5})})
    assert (measured["frames_per_second"], measured["frames"], measured["seconds"]) == (10.0, 40, {"total": 4.0, "network": 2.0})
    assert list(measured["sequences"]) == ["a", "b"]
    assert measured["sequences"]["b"]["frames_per_second"] == 15.0


BOX = (40, 20, 60, 80)


def job_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trackers: list[seen.CountingTracker], *, public: bool = False, masks: Any = None
) -> Job:
    """Frames 3 to 5 of 5: a pedestrian, one that is not scored, one of another class and one unknown; the first is red."""
    boxes = np.array([BOX, (0, 0, 9, 9), (9, 0, 20, 9), (20, 0, 30, 9)], np.float32)
    objects = Objects(
        boxes,
        np.array([7, 8, 9, -1]),
        np.array([1, 1, 3, 1], np.int32),
        np.full(4, 0.5, np.float32),
        np.array([1, 0, 1, 1], np.float32),
        np.zeros(4, np.bool_),
        masks=None if masks is None else np.array(masks, np.object_),
    )
    with FrameWriter(tmp_path / "s.parquet", {}, extras=schema.Extras(masks=masks is not None)) as writer:
        for number in range(1, 6):
            image = encode_jpeg(seen.picture(128, 96, BOX), 95)
            writer.write(Frame("d", "s", number, number / 10, 128, 96, image, objects, boxes[:2], np.ones(2, np.float32)))
    monkeypatch.setattr(sequences.inference, "load_detector", lambda *_: seen.detector(128, 96, trackers))
    outputs = Outputs(*(Publication(tmp_path / name, "track", "f" * 12) for name in ("tracks", "observations", "speed")))
    return Job("s", tmp_path / "s.parquet", 3, 5, 10.0, public, seen.spec(), seen.Options(), tmp_path, 2, 1, outputs)


@pytest.mark.parametrize("public", [False, True])
def test_a_job_leaves_exact_boxes_and_only_scored_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public: bool) -> None:
    """Embeddings are kept of the scored person alone."""
    trackers: list[seen.CountingTracker] = []
    job = job_of(tmp_path, monkeypatch, trackers, public=public)
    track_sequence(job)
    outputs = job.outputs
    rows = mot_text.read_rows(outputs.tracks.path("s.txt"), kind="results")
    assert rows.frame.tolist() == [3, 4, 5]
    np.testing.assert_allclose(rows.boxes, [BOX] * 3, atol=1)
    observed = list(read_observations(outputs.observations.path("s.parquet")))
    assert [item.identities.tolist() for item in observed] == [[7]] * 3
    np.testing.assert_allclose(observed[0].embeddings, [[1, 0]], atol=0.1)
    assert trackers[0].calls == [(1, 2 if public else None)] * 3


@pytest.mark.parametrize("kept", [False, True])
def test_masks_are_judged_at_true_boxes_and_kept_where_they_are_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    """Two masks, of a half and of all of a box; of the person the left half is seen."""

    def with_masks(*arguments: Any) -> list[Detections]:
        half = np.array([[[[0.9, 0.3]], [[0.5, 0.3]]]], np.float32)
        found = seen.decode(*arguments) if len(arguments) == 3 else seen.describe(*arguments)
        return [replace(each, part_masks=half.repeat(len(each.boxes), 0)) for each in found]

    person = np.zeros((96, 128), np.bool_)
    person[20:80, 40:50] = True
    job = replace(job_of(tmp_path, monkeypatch, [], masks=[encode_mask(person), None, None, None]), keep_masks=kept)
    shown = replace(job.spec, detection=Detection(with_masks, with_masks, part_masks=lambda options: True))
    monkeypatch.setattr(sequences.inference, "load_detector", lambda *_: replace(seen.detector(128, 96), spec=shown))
    track_sequence(job)
    observed = list(read_observations(job.outputs.observations.path("s.parquet")))
    for item in observed:
        assert item.overlaps == pytest.approx([0.8 / 1.2])
        assert item.focuses == pytest.approx([3])
        assert (item.detections.part_masks is not None) is kept
    if kept:
        np.testing.assert_allclose(observed[0].detections.part_masks, [[[[0.9, 0.3]], [[0.5, 0.3]]]], atol=0.5 / 255)


def test_another_detectors_boxes_are_tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two boxes in frame 4, none in 3 and 5; births are free, and the file keeps them for tracking again."""
    (tmp_path / "det.txt").write_text("4,-1,0,0,10,20,0.5\n4,-1,40,20,20,60,0.75\n1,-1,0,0,9,9,1\n")
    trackers: list[seen.CountingTracker] = []
    job = replace(job_of(tmp_path, monkeypatch, trackers), given=tmp_path / "det.txt")
    track_sequence(job)
    assert trackers[0].calls == [(0, None), (2, None), (0, None)]
    rows = mot_text.read_rows(job.outputs.tracks.path("s.txt"), kind="results")
    assert rows.boxes.tolist() == [[40, 20, 60, 80], [0, 0, 10, 20]]
    observed = job.outputs.observations.path("s.parquet")
    embeddings = [item.detections.embeddings for item in read_observations(observed)]
    np.testing.assert_allclose(embeddings[1], [[1, 0], [0, 1]], atol=0.1)
    retrack(observed, job.spec, job.options, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == job.outputs.tracks.path("s.txt").read_bytes()


def test_the_oracles_boxes_are_the_scored_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackers: list[seen.CountingTracker] = []
    job = replace(job_of(tmp_path, monkeypatch, trackers), oracle=True)
    track_sequence(job)
    rows = mot_text.read_rows(job.outputs.tracks.path("s.txt"), kind="results")
    assert (rows.boxes.tolist(), rows.confidence.tolist()) == ([list(map(float, BOX))] * 3, [1.0] * 3)


def test_identities_of_the_ground_truth_live_and_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The red box is person 7's; tracking again from the observations says the same."""
    job = replace(job_of(tmp_path, monkeypatch, []), true_identities=True)
    track_sequence(job)
    text = job.outputs.tracks.path("s.txt")
    live = text.read_bytes()
    rows = mot_text.read_rows(text, kind="results")
    assert rows.identity.tolist() == [7, 7, 7]
    associate_sequences([(replace(job, tracked_from=None), Timing(3, 1.0, {"association": 0.1}))])
    assert text.read_bytes() == live


def test_a_system_that_detects_nothing_takes_the_public_boxes_for_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two public boxes in every frame; their scores are another detector's, of any scale, so that they count as sure."""
    trackers: list[seen.CountingTracker] = []
    job = job_of(tmp_path, monkeypatch, trackers, public=True)
    frozen = replace(seen.spec(trackers), detection=replace(job.spec.detection, decode=None))
    ready = replace(seen.detector(128, 96), spec=frozen)
    monkeypatch.setattr(sequences.inference, "load_detector", lambda *_: ready)
    track_sequence(replace(job, spec=frozen))
    assert trackers[0].calls == [(2, None)] * 3
    rows = mot_text.read_rows(job.outputs.tracks.path("s.txt"), kind="results")
    assert (rows.boxes[:2].tolist(), rows.confidence.tolist()) == ([[40, 20, 60, 80], [0, 0, 9, 9]], [1.0] * 6)
