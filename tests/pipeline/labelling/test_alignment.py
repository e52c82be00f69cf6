from __future__ import annotations

import numpy as np
import pytest

from pipeline.labelling.alignment import Affine, fit, level


def scene(seed: int = 0) -> np.ndarray:
    """(40, 60) float32, a ramp with some structure, 1 to about 9."""
    rows, columns = np.mgrid[0:40, 0:60]
    return (1 + rows / 8 + np.sin(columns / 5) + np.random.default_rng(seed).uniform(0, 1, (40, 60))).astype(np.float32)


def test_a_relation_that_can_be_worked_out_by_hand() -> None:
    found = fit(np.array([1, 2, 3, 4], np.float32), np.array([5, 7, 9, 11], np.float32))
    assert found == pytest.approx((2.0, 3.0), abs=1e-9)
    assert found.of(np.array([10], np.float32)).tolist() == [23]


def test_one_wild_pixel_does_not_move_the_line() -> None:
    source = np.arange(1, 10, dtype=np.float32)
    target = 2 * source + 3
    target[4] = 500  # plain least squares would say a shift of 58
    assert fit(source, target) == pytest.approx((2.0, 3.0), abs=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_what_moved_and_noise_do_not_count(share: float) -> None:
    source, rng = scene(), np.random.default_rng(1)
    target = (0.5 * source + 2 + rng.normal(0, 0.02, source.shape)).astype(np.float32)
    target[:, : int(60 * share)] += 4  # somebody near: one-sided, as in a real scene
    plain = np.polyfit(source.ravel(), target.ravel(), 1)
    found = fit(source, target)
    assert found.scale == pytest.approx(0.5, abs=0.002)
    assert found.shift == pytest.approx(2, abs=0.01)
    assert abs(plain[1] - 2) > 0.1  # what least squares alone would have said


def test_flat_and_falling_maps_keep_their_scale() -> None:
    flat = np.full((4, 4), 2, np.float32)
    assert fit(flat, flat + 3) == Affine(1.0, 3.0)
    falling = fit(scene(), -scene())
    assert falling.scale == 1.0


def test_frames_of_different_scale_and_shift_become_one_sequence() -> None:
    truth = scene()
    rng = np.random.default_rng(2)
    scales, shifts = rng.uniform(0.7, 1.4, 12), rng.uniform(-0.5, 0.5, 12)
    maps = []
    for number, (scale, shift) in enumerate(zip(scales, shifts, strict=True)):
        moving = truth.copy()
        moving[10:30, 4 * number : 4 * number + 6] += 5  # a person who walks through
        maps.append((scale * moving + shift).astype(np.float32))
    alike = np.stack(level(maps))
    background = alike[:, :8]
    assert np.abs(background - background[0]).max() < 1e-3 * np.ptp(background[0])
    assert np.abs(np.stack(maps)[:, :8] - maps[0][:8]).max() > 0.3 * np.ptp(background[0])


def test_maps_without_contrast_are_left_alone() -> None:
    maps = [np.full((3, 3), value, np.float32) for value in (1, 2)]
    for before, after in zip(maps, level(maps), strict=True):
        np.testing.assert_array_equal(before, after)
