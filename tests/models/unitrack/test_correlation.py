"""Correlation: goldens E and F, both averaging rules, and motions that an unsized inverse transform would misread."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.unitrack.correlation import Averaging, blend, cross_correlate, gaussian, hann, respond, solve
from tests.models.unitrack.golden import feature_map

DOUBLE = torch.float64


@pytest.mark.parametrize(("averaging", "peak", "rest"), [("release", 0.999912, 0.081882), ("paper", 0.999822, 0.081885)])
def test_golden_e(averaging: Averaging, peak: float, rest: float) -> None:
    template, ideal = feature_map(0, 2, 9, 9, normalised=False), gaussian((9, 9), 1.0, dtype=DOUBLE)
    search = template.roll((2, -1), (1, 2))[None]
    known = solve(template, ideal, averaging=averaging)
    response = respond(known, search, averaging=averaging)[0]
    assert divmod(int(response.argmax()), 9) == (2, 8)
    assert (float(response[2, 8]), float(response[0, 0])) == pytest.approx((0.999991, 0.082087), abs=5e-7)
    known = blend(known, solve(feature_map(0.3, 2, 9, 9, normalised=False), ideal, averaging=averaging))
    response = respond(known, search, averaging=averaging)[0]
    assert (float(response[2, 8]), float(response[0, 0])) == pytest.approx((peak, rest), abs=5e-7)


def test_golden_f() -> None:
    search = feature_map(0, 2, 7, 7, normalised=False)
    response = cross_correlate(search[:, 2:5, 1:4], search[None])[0]
    assert tuple(response.shape) == (5, 5)
    assert divmod(int(response.argmax()), 5) == (2, 1)
    assert float(response[2, 1]) == pytest.approx(8.551703, abs=5e-7)


def test_cross_correlation_is_the_sum_of_products() -> None:
    torch.manual_seed(0)
    template, search = torch.randn(3, 4, 5, dtype=DOUBLE), torch.randn(2, 3, 11, 8, dtype=DOUBLE)
    assert torch.allclose(cross_correlate(template, search), functional.conv2d(search, template[None])[:, 0])


def test_a_template_larger_than_the_region_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        cross_correlate(torch.zeros(1, 3, 3), torch.zeros(1, 1, 2, 5))


@pytest.mark.parametrize("shift", [(3, 3), (5, 0), (-2, 3), (10, 4)])  # read as (3, 0), (4, -5), (-3, 5), (9, -6) from 64 columns
def test_an_odd_size_is_kept(shift: tuple[int, int]) -> None:
    torch.manual_seed(0)
    template = torch.randn(4, 65, 65, dtype=DOUBLE)
    known = solve(template, gaussian((65, 65), 1.5, dtype=DOUBLE))
    response = respond(known, template.roll(shift, (1, 2))[None])[0]
    assert divmod(int(response.argmax()), 65) == (shift[0] % 65, shift[1] % 65)


def test_the_averages_differ_only_once_there_is_something_to_average() -> None:
    template, ideal = feature_map(0, 2, 9, 8), gaussian((9, 8), 1.0, dtype=DOUBLE)
    one, other = (respond(solve(template, ideal, averaging=a), template[None], averaging=a) for a in ("paper", "release"))
    assert torch.allclose(one, other)


def test_windows() -> None:
    assert torch.equal(gaussian((5, 4), 1.0)[0], torch.exp(-torch.tensor([0.0, 1.0, 4.0, 1.0]) / 2))
    assert hann((3, 5))[1].tolist() == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert float(hann((3, 5))[0].abs().max()) == 0
