"""The benchmarks' arithmetic, and the simulated scenes."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.__main__ import lines
from benchmarks.harness import Growth, Timed, Work, compare, grow
from benchmarks.scenes import MISSED, crowd


class Watch:
    """A clock that only the work moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def nap(self, seconds: float) -> Work:
        def work() -> None:
            self.now += seconds

        return work


def test_a_peer_is_timed_beside_ours() -> None:
    watch = Watch()
    timed = compare("sleep", "nap", 2, watch.nap(0.5), {"long": watch.nap(1.5)}, limit=watch.nap(0.25), rounds=3, clock=watch)
    assert (timed.ours, timed.ratios["long"], timed.share, timed.spread) == (0.25, 3.0, 0.5, 0.0)


def test_rounds_count_by_their_median_and_the_first_does_not() -> None:
    watch, naps = Watch(), iter([9.0, 1.0, 2.0, 4.0])
    timed = compare("sleep", "nap", 1, lambda: watch.nap(next(naps))(), rounds=3, clock=watch)
    assert (timed.ours, timed.spread) == (2.0, 1.5)


def test_the_table_has_a_line_a_peer() -> None:
    shown = lines(Timed("step", "frame", 0.001, {"one": 0.004, "two": 2.0}, aim=4.0))
    assert [line.split()[-1] for line in shown] == ["one", "two"]
    assert "4.00     4  one" in shown[0]
    assert lines(Timed("alone", "frame", 0.001)) == [f"{'alone':48}       1 ms"]


def test_growth_is_the_slope_of_logarithms() -> None:
    assert Growth("squares", "objects", (10, 20, 40), (1.0, 4.0, 16.0)).exponent == pytest.approx(2.0)
    assert Growth("steady", "frames", (1, 10), (0.3, 0.3)).exponent == pytest.approx(0.0, abs=1e-12)
    watch = Watch()
    slept = grow("naps", "naps", (1, 4), lambda naps: watch.nap(0.5 * naps), rounds=2, clock=watch)
    assert (slept.seconds, slept.exponent) == ((0.5, 2.0), pytest.approx(1.0))


def test_the_crowd_follows_from_its_seed() -> None:
    first, again, other = crowd(50, 20), crowd(50, 20), crowd(50, 20, seed=2)
    assert all(
        np.array_equal(one.boxes, two.boxes) and np.array_equal(one.embeddings, two.embeddings)
        for one, two in zip(first, again, strict=True)
    )
    assert not np.array_equal(first[0].boxes[:10], other[0].boxes[:10])
    seen = sum(len(item.boxes) for item in first)
    assert seen == pytest.approx(1000 * (1 - MISSED), abs=25)
    assert np.allclose(np.linalg.norm(first[3].embeddings, axis=1), 1)
