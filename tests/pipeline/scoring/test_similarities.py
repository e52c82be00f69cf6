"""Scores from masks and joints: the same metrics on other pairs, against TrackEval on the same similarities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trackeval

from pipeline.files.run_lengths import encode_mask, mask_iou
from pipeline.scoring.clear import clear
from pipeline.scoring.compared import compare
from pipeline.scoring.sequences import Rows, ScoredSequence
from pipeline.scoring.similarities import SIGMAS, BoxOverlap, JointSimilarity, MaskOverlap
from pipeline.scoring.tracking import measure, together

HEIGHT, WIDTH, FRAMES = 60, 90, 12
RNG = np.random.default_rng(0)


def disc(x: float, y: float, radius: float) -> str:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return encode_mask(np.hypot(columns - x, rows - y) < radius)


def shaped(frames: list[int], identities: list[int], shapes: np.ndarray, ignore: list[bool] | None = None) -> Rows:
    count = len(frames)
    return Rows(
        np.array(frames), np.array(identities), np.tile([0.0, 0, 30, 60], (count, 1)), np.ones(count), np.ones(count, np.int64),
        np.array(ignore or [False] * count), shapes,
    )  # fmt: skip


def discs(noise: float, keep: float) -> Rows:
    """Four discs that walk to the right, some of them shifted or left out."""
    rng = np.random.default_rng(int(noise * 10) + 1)
    found = [
        (frame, k + 1, disc(10 + 4 * frame + rng.normal(0, noise), 8 + 14 * k + rng.normal(0, noise), 7))
        for frame in range(1, FRAMES + 1)
        for k in range(4)
        if rng.random() < keep
    ]
    frames, identities, shapes = (list(column) for column in zip(*found, strict=True))
    return shaped(frames, identities, np.array(shapes, object))


def test_masks_are_scored_as_by_trackeval_with_smotsa() -> None:
    truth, results = discs(0, 1.0), discs(2.0, 0.85)
    sequence = ScoredSequence("s", np.arange(1, FRAMES + 1), truth, results)
    measured = measure(sequence, "none", MaskOverlap(HEIGHT, WIDTH))
    data = {"num_timesteps": FRAMES, "num_gt_dets": len(truth.frame), "num_tracker_dets": len(results.frame)}
    data |= {"num_gt_ids": 4, "num_tracker_ids": 4, "gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame in range(1, FRAMES + 1):
        one, other = truth.take(truth.frame == frame), results.take(results.frame == frame)
        data["gt_ids"].append(one.identity - 1)
        data["tracker_ids"].append(other.identity - 1)
        data["similarity_scores"].append(mask_iou(list(one.shapes), list(other.shapes), HEIGHT, WIDTH))
    quiet = {"PRINT_CONFIG": False}
    metrics = trackeval.metrics.HOTA(quiet), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)
    hota, clears, identity = (made.eval_sequence(data) for made in metrics)
    scores = together({"s": measured}).combined
    assert 100 * hota["HOTA"].mean() == scores.HOTA
    assert 100 * clears["MOTA"] == scores.MOTA
    assert 100 * identity["IDF1"] == scores.IDF1
    assert measured.clear.soft == clears["sMOTA"]
    assert 0 < measured.clear.soft < clears["MOTA"] < 1


def test_a_mask_inside_an_ignored_region_is_neither_right_nor_wrong() -> None:
    region = encode_mask(np.ones((HEIGHT, WIDTH), bool))
    truth = shaped([1, 1], [1, -1], np.array([disc(20, 20, 7), region], object), [False, True])
    results = shaped([1, 1], [1, 2], np.array([disc(21, 20, 7), disc(70, 40, 7)], object))
    sequence = ScoredSequence("s", np.array([1]), truth, results)
    found = clear(compare(sequence, "classes", MaskOverlap(HEIGHT, WIDTH)))
    assert (found.hits, found.missed, found.false) == (1, 0, 0)


def test_object_keypoint_similarity_by_hand() -> None:
    joints = np.zeros((1, 17, 3))
    joints[0, :, :2], joints[0, :, 2] = RNG.uniform(0, 60, (17, 2)), 1
    joints[0, 3:5] = 0  # ears are not labelled
    moved = joints.copy()
    moved[0, :, 0] += 2.0
    moved[0, 0] = 0  # the result lacks the nose
    truth, results = shaped([0], [1], joints), shaped([0], [1], moved)
    pairs = JointSimilarity().pairs(truth, results, np.array([True]), np.array([0, 1]), np.array([0, 1]))
    expected = np.exp(-4 / (2 * 0.53 * 30 * 60 * np.square(2 * SIGMAS)))
    assert pairs.overlap == pytest.approx([np.sum(expected[[1, 2, *range(5, 17)]]) / 15])
    assert JointSimilarity().pairs(truth, truth, np.array([True]), np.array([0, 1]), np.array([0, 1])).overlap.tolist() == [1.0]


def test_poses_that_follow_their_people_are_perfect_and_swapped_identities_are_not() -> None:
    joints = np.concatenate([RNG.uniform(0, 60, (2 * FRAMES, 17, 2)), np.ones((2 * FRAMES, 17, 1))], axis=2)
    frames, identities = np.repeat(np.arange(1, FRAMES + 1), 2), np.tile([1, 2], FRAMES)
    truth = shaped(frames.tolist(), identities.tolist(), joints)
    swapped = replace(truth, identity=np.where(truth.frame > FRAMES // 2, 3 - truth.identity, truth.identity))
    perfect, worse = (
        together({"s": measure(ScoredSequence("s", np.arange(1, FRAMES + 1), truth, found), "none", JointSimilarity())}).combined
        for found in (truth, swapped)
    )
    assert (perfect.HOTA, perfect.IDSW) == (100, 0)
    assert (worse.IDSW, worse.IDF1) == (2, 50)


def test_frames_without_rows_on_one_side_have_no_pairs() -> None:
    nothing = discs(0, 1.0).take(np.zeros(0, np.int64))
    for similarity in (MaskOverlap(HEIGHT, WIDTH), BoxOverlap()):
        pairs = similarity.pairs(nothing, discs(0, 1.0), np.zeros(0, bool), np.zeros(FRAMES + 2, np.int64), np.arange(0, 4 * FRAMES + 5, 4))
        assert len(pairs.truth) == 0
