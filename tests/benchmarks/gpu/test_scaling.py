"""The estimate for many cards, by hand."""

from __future__ import annotations

import pytest

from benchmarks.gpu.scaling import Assumptions, estimate, table

GIVEN = Assumptions(
    images=100, batch=10, parameters=25e6, inner=100e9, outer=10e9, latency=0, overlap=0.5, jitter=0, cores=10, core_images=20
)


def test_a_lone_card_sums_nothing_and_waits_for_nobody() -> None:
    alone = estimate(1, GIVEN)
    assert (alone.summing, alone.exposed, alone.straggling) == (0, 0, 0)
    assert (alone.per_second, alone.efficiency, alone.bound) == (pytest.approx(100), pytest.approx(1), "compute")


def test_a_ring_moves_the_gradients_almost_twice_over_the_slowest_link() -> None:
    # 100 MB of gradients: 7/8 of them twice at 100 GB/s; 63/64 twice at 10 GB/s; half is hidden
    assert estimate(8, GIVEN).summing == pytest.approx(2 * 7 / 8 * 100e6 / 100e9)
    far = estimate(64, GIVEN)
    assert far.summing == pytest.approx(2 * 63 / 64 * 100e6 / 10e9)
    assert far.efficiency == pytest.approx(0.1 / (0.1 + far.summing / 2))


def test_too_few_cores_bound_the_step() -> None:
    starved = estimate(8, Assumptions(images=400, batch=10, cores=10, core_images=20))
    assert starved.bound == "loaders"
    assert starved.per_second == pytest.approx(8 * 200)
    assert table(GIVEN).count("\n| ") == 3
