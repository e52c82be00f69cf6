"""DAVIS' J and F: goldens H and I, TrackEval's numbers, frames that count and masks that are empty."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from pycocotools import mask as coco
from trackeval.metrics.j_and_f import JAndF

from pipeline.scoring.segmentation import contour, contour_f, jaccard, mean, score
from tests.pipeline.scoring.shapes import EMPTY, RESULT, TRUTH, rectangle

LARGE = rectangle(30, 89, 40, 99, (120, 160)), rectangle(34, 89, 41, 109, (120, 160))


@pytest.mark.parametrize(("truth", "result", "j", "f"), [(TRUTH, RESULT, 0.702128, 0.763052), (*LARGE, 0.794231, 0.508113)])
def test_goldens_h_and_i(truth: np.ndarray, result: np.ndarray, j: float, f: float) -> None:
    assert (jaccard(truth, result), contour_f(truth, result)) == pytest.approx((j, f), abs=5e-7)


@pytest.mark.parametrize(("truth", "result", "expected"), [(EMPTY, EMPTY, 1), (TRUTH, EMPTY, 0), (EMPTY, TRUTH, 0), (TRUTH, TRUTH, 1)])
def test_empty_masks(truth: np.ndarray, result: np.ndarray, expected: float) -> None:
    assert (jaccard(truth, result), contour_f(truth, result)) == (expected, expected)


def test_the_first_and_the_last_frame_are_left_out() -> None:
    masks = [TRUTH, TRUTH, TRUTH, TRUTH]
    found = score({3: masks}, {3: [EMPTY, TRUTH, EMPTY, EMPTY]})
    assert found[3].j_mean == 0.5
    assert score({3: masks}, {3: [EMPTY, TRUTH, EMPTY, EMPTY]}, all_frames=True)[3].j_mean == 0.25


def test_objects_are_paired_by_number_and_missing_ones_are_wrong() -> None:
    masks = {1: [TRUTH] * 3, 2: [rectangle(0, 3, 0, 3)] * 3}
    swapped = score(masks, {1: masks[2], 2: masks[1]})
    assert (swapped[1].j_mean, swapped[2].j_mean) == (0, 0)
    assert mean(list(score(masks, {1: masks[1]}).values())).j_and_f == 0.5


@pytest.mark.parametrize("count", [1, 2])
def test_a_video_without_a_frame_between_has_no_score(count: int) -> None:
    assert score({1: [TRUTH] * count}, {}) == {}
    assert len(score({1: [TRUTH] * count}, {}, all_frames=True)) == 1
    assert np.isnan(mean([]).j_mean)


def test_a_video_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 result masks for 3 frames"):
        score({1: [TRUTH] * 3}, {1: [TRUTH] * 2})


def test_contours_are_where_neighbours_differ() -> None:
    assert np.argwhere(contour(rectangle(1, 1, 1, 1, (4, 4)))).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert not contour(np.ones((4, 4), np.bool_)).any()


def test_summaries_equal_trackevals(monkeypatch: pytest.MonkeyPatch) -> None:
    """One object in a video of nine frames; TrackEval keeps the first and the last. Its disk comes from scikit-image, which is not here."""
    morphology = types.ModuleType("skimage.morphology")
    morphology.disk = lambda r: (np.arange(-r, r + 1)[:, None] ** 2 + np.arange(-r, r + 1)[None] ** 2 <= r**2).astype(np.uint8)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "skimage", types.ModuleType("skimage"))
    monkeypatch.setitem(sys.modules, "skimage.morphology", morphology)
    generator = np.random.default_rng(0)
    truth = [rectangle(30, 89, 40 + t, 99 + t, (120, 160)) for t in range(9)]
    found = [rectangle(30 + generator.integers(0, 30), 89, 41 + t, 99 + 4 * t, (120, 160)) for t in range(9)]
    ours = score({1: truth}, {1: found}, all_frames=True)[1]
    data = {"num_timesteps": 9, "num_gt_ids": 1, "num_tracker_ids": 1, "gt_ids": [[0]] * 9, "tracker_ids": [[0]] * 9}
    for name, masks in (("gt_dets", truth), ("tracker_dets", found)):
        data[name] = [[coco.encode(np.asfortranarray(mask.astype(np.uint8)))] for mask in masks]
    theirs = JAndF().eval_sequence(data)
    assert list(ours) == pytest.approx([theirs[k] for k in ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")])
    assert ours.j_and_f == pytest.approx(theirs["J&F"])
