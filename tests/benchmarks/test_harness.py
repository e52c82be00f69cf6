"""The benchmarks' arithmetic, and the simulated scenes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.__main__ import lines
from benchmarks.harness import Growth, Timed, compare, grow
from benchmarks.scenes import MISSED, crowd


def test_a_peer_is_timed_beside_ours() -> None:
    timed = compare(
        "sleep", "nap", 2, lambda: time.sleep(0.01), {"long": lambda: time.sleep(0.03)}, limit=lambda: time.sleep(0.005), rounds=3
    )
    assert timed.ours == pytest.approx(0.005, rel=0.4)
    assert timed.ratios["long"] == pytest.approx(3.0, rel=0.4)
    assert timed.share == pytest.approx(0.5, rel=0.4)


def test_the_table_has_a_line_a_peer() -> None:
    shown = lines(Timed("step", "frame", 0.001, {"one": 0.004, "two": 2.0}, aim=4.0))
    assert [line.split()[-1] for line in shown] == ["one", "two"]
    assert "4.00     4  one" in shown[0]
    assert lines(Timed("alone", "frame", 0.001)) == [f"{'alone':48}       1 ms"]


def test_growth_is_the_slope_of_logarithms() -> None:
    assert Growth("squares", "objects", (10, 20, 40), (1.0, 4.0, 16.0)).exponent == pytest.approx(2.0)
    assert Growth("steady", "frames", (1, 10), (0.3, 0.3)).exponent == pytest.approx(0.0, abs=1e-12)
    slept = grow("naps", "naps", (1, 4), lambda naps: lambda: time.sleep(0.01 * naps), rounds=2)
    assert slept.exponent == pytest.approx(1.0, abs=0.2)


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
