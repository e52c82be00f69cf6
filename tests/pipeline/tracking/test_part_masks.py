"""Overlap and focus of masks, by hand and against the golden value F2 of the reference notes on FineTrack."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.embedding.diversity import soft_overlap
from models.finetrack.parts import weighted_means
from pipeline.files.frames import Objects
from pipeline.files.run_lengths import encode_mask
from pipeline.tracking.part_masks import focus, measure, soft_overlaps


def golden() -> np.ndarray:
    """F2's masks: sigmoid(3 sin(1 + n + 1.3 k + .9 p)), two boxes, three parts, six cells."""
    n, k, p = np.ogrid[:2, :3, :6]
    return (1 / (1 + np.exp(-3 * np.sin(1 + n + 1.3 * k + 0.9 * p)))).reshape(2, 3, 2, 3).astype(np.float32)


def test_overlap_is_what_training_minimises() -> None:
    found = soft_overlaps(golden())
    assert found.mean() == pytest.approx(0.342515, abs=1e-6)  # F2
    assert found.mean() == pytest.approx(soft_overlap(torch.from_numpy(golden()).flatten(2)).item(), abs=1e-6)
    assert np.isnan(soft_overlaps(golden()[:, :1])).all(), "one mask overlaps with none"
    assert soft_overlaps(np.zeros((1, 2, 1, 1), np.float32)).tolist() == [0]


# A box of 4 by 4 pixels over 2 by 2 cells, whose left half is looked at three times as much.
MASK = np.array([[0.6, 0.2], [0.6, 0.2]], np.float32)


@pytest.mark.parametrize(
    ("box", "own", "expected"),
    [
        ([2, 2, 6, 6], (slice(2, 6), slice(2, 4)), 3),  # the person fills the half that is looked at
        ([2, 2, 6, 6], (slice(2, 6), slice(4, 6)), 1 / 3),  # and the other one
        ([2, 2, 6, 6], (slice(2, 4), slice(2, 6)), 1),  # the upper half of the box, which is looked at as the lower one
        ([2, 2, 6, 6], (slice(2, 6), slice(2, 6)), np.nan),  # all of it
        ([2, 2, 6, 6], (slice(0, 1), slice(0, 1)), np.nan),  # nothing of it
        ([-2, 2, 2, 6], (slice(2, 4), slice(0, 2)), 1),  # only the right half lies in the picture
    ],
)
def test_focus_compares_pixels_of_the_person_with_the_rest(box: list[float], own: tuple[slice, slice], expected: float) -> None:
    seen = np.zeros((8, 8), np.bool_)
    seen[own] = True
    assert focus(MASK, np.array(box, np.float32), seen) == pytest.approx(expected, nan_ok=True)


def test_a_weak_copy_of_a_mask_lowers_the_overlap_and_leaves_the_focus() -> None:
    """A part vector does not see how strong its mask is: such a pair looks at the same place, and only the overlap says otherwise."""
    seen = np.zeros((8, 8), np.bool_)
    seen[2:6, 2:4] = True
    pixels = np.array([encode_mask(seen)], np.object_)
    people = Objects(np.array([[2, 2, 6, 6]], np.float32), visibilities=np.full(1, 0.5, np.float32), masks=pixels)
    same, weak = (measure(np.stack([MASK, share * MASK])[None], people, 8, 8) for share in (1.0, 0.1))
    np.testing.assert_allclose([same.overlaps[0], weak.overlaps[0]], [1, 0.1], rtol=1e-6)
    np.testing.assert_allclose([same.focuses[0], weak.focuses[0]], [3, 3], rtol=1e-6)
    features = torch.rand(1, 5, 2, 2)
    pooled = [weighted_means(torch.from_numpy(np.stack([MASK, share * MASK])[None]), features) for share in (1.0, 0.1)]
    torch.testing.assert_close(pooled[0], pooled[1])


def test_focus_is_measured_on_the_half_seen_alone() -> None:
    """Visibilities inside and outside, and a person without a mask."""
    seen = np.zeros((8, 8), np.bool_)
    seen[2:6, 2:4] = True
    pixels = encode_mask(seen)
    people = Objects(
        np.array([[2, 2, 6, 6]] * 4, np.float32),
        visibilities=np.array([0.5, 0.9, 0.1, 0.5], np.float32),
        masks=np.array([pixels, pixels, pixels, None], np.object_),
    )
    masks = np.stack([np.stack([MASK, MASK / 2])] * 4)
    found = measure(masks, people, 8, 8)
    np.testing.assert_allclose(found.focuses, [3, np.nan, np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(found.overlaps, [0.5] * 4, rtol=1e-6)
    assert np.isnan(measure(masks, Objects(people.boxes, visibilities=people.visibilities), 8, 8).focuses).all()
