from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from pipeline.labelling.windows import Drift, Plan, joined
from tests.pipeline.labelling.test_alignment import scene

Map = np.ndarray
STANDING = scene()


class Teacher:
    """Knows the truth of a frame, and gives each window a scale and a shift of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.windows: list[list[int]] = []

    def __call__(self, window: list[int]) -> list[Map]:
        self.windows.append(list(window))
        scale, shift = (1.0, 0.0) if len(self.windows) == 1 else (self.rng.uniform(0.5, 2), self.rng.uniform(-1, 1))
        return [(scale * truth(number) + shift).astype(np.float32) for number in window]


def truth(number: int) -> Map:
    """The scene of a frame: what stands, and a person whose place depends on the frame."""
    depth = STANDING.copy()
    depth[10:30, number % 54 : number % 54 + 6] += 5
    return depth


def test_windows_lie_as_published() -> None:
    teacher = Teacher()
    list(joined(range(60), teacher, Plan(32, 10, 2), Drift()))
    assert teacher.windows[0] == list(range(32))
    assert teacher.windows[1] == [0, 12, *range(24, 54)]  # keyframes 0 and 12, eight frames again, 22 new ones
    assert teacher.windows[2] == [0, 34, *range(46, 60)]  # position 12 of the window before is frame 34; the last is short


@pytest.mark.parametrize("count", [0, 1, 5, 32, 33, 54, 55, 100])
@pytest.mark.parametrize("plan", [Plan(32, 10, 2), Plan(8, 3), Plan(2, 1)])
def test_every_frame_comes_once_in_order_and_in_the_first_windows_scale(count: int, plan: Plan) -> None:
    teacher, drift = Teacher(), Drift()
    found = list(joined(range(count), teacher, plan, drift))
    assert [number for number, _ in found] == list(range(count))
    for number, depth in found:
        np.testing.assert_allclose(depth, truth(number), atol=2e-3)
    assert drift.windows == len(teacher.windows)
    assert drift.smallest <= 1 <= drift.largest


def test_maps_fade_where_windows_disagree() -> None:
    windows: list[list[int]] = []

    def look(window: list[int]) -> list[Map]:
        step = np.float32(0 if len(windows) == 0 else 0.1)
        windows.append(window)
        base = np.arange(4, dtype=np.float32)
        # the second window sees the overlap tilted, so that no scale and shift bring the two together
        return [base + step * np.array([1, -1, -1, 1], np.float32) for _ in window]

    found = np.array([depth[0] for _, depth in joined(range(7), look, Plan(5, 3), Drift())])
    assert found[:2].tolist() == [0, 0]
    end = found[5]
    assert end > 0.01
    np.testing.assert_allclose(found[2:], [end / 4, end / 2, 3 * end / 4, end, end], rtol=1e-5)


@pytest.mark.parametrize("keys", [0, 2])
def test_noise_does_not_fade_contrast_over_many_windows(keys: int) -> None:
    """Least squares that blamed one side alone would leave 0.37 of the contrast after these 45 noisy windows, with keyframes 0.68."""
    rng, teacher = np.random.default_rng(3), Teacher(4)

    def look(window: list[int]) -> list[Map]:
        scaled = teacher(window)
        return [(depth + np.std(depth) * 0.15 * rng.normal(size=depth.shape)).astype(np.float32) for depth in scaled]

    *_, (number, last) = joined(range(1000), look, Plan(32, 10, keys), Drift())
    background = slice(0, 10)  # nobody walks there
    slope = np.polyfit(truth(number)[background].ravel(), last[background].ravel(), 1)[0]
    assert slope == pytest.approx(1, abs=0.1)


def test_many_frames_need_the_memory_of_a_window() -> None:
    def frames(count: int, state: dict[str, int]) -> Iterator[int]:
        for number in range(count):
            state["made"] = number + 1
            yield number

    peaks = []
    for count in (200, 600):
        state, held, taken = {"made": 0}, 0, 0
        tracemalloc.start()
        for number, depth in joined(frames(count, state), Teacher(), Plan(32, 10, 2), Drift()):
            held, taken = max(held, state["made"] - taken), number + 1
            if number % 150 == 0:
                np.testing.assert_allclose(depth, truth(number), atol=5e-3)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert taken == count
        assert held <= 32
    assert peaks[1] < 1.1 * peaks[0]
