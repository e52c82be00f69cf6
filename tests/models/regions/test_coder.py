"""Boxes relative to proposals. Golden values Q10 were computed apart, in float64."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from models.regions.coder import BOX_SPREAD, PROPOSAL_SPREAD, clip, decode, encode
from models.regions.losses import BETA

PROPOSAL, BOX = torch.tensor([[10.0, 20.0, 50.0, 120.0]]), torch.tensor([[14.0, 14.0, 62.0, 126.0]])


@pytest.mark.parametrize(
    ("spread", "expected"), [(PROPOSAL_SPREAD, [0.2, 0, 0.182322, 0.113329]), (BOX_SPREAD, [2, 0, 0.911608, 0.566643])]
)
def test_encoding(spread: tuple[float, ...], expected: list[float]) -> None:
    deltas = encode(PROPOSAL, BOX, spread)
    assert deltas[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert decode(PROPOSAL, deltas, spread)[0].tolist() == pytest.approx(BOX[0].tolist(), abs=1e-4)


@pytest.mark.parametrize(
    ("deltas", "spread", "expected"),
    [
        ([0.5, -0.25, 0.4, 9], BOX_SPREAD, [10.334259, -234.982373, 53.665741, 369.982373]),
        ([0, 0, 4, 0], PROPOSAL_SPREAD, [-1061.963001, 20, 1121.963001, 120]),
        # growth is cut at a factor of 1000 / 16 = 62.5, here to a width of 2500
        ([0, 0, 9, 0], PROPOSAL_SPREAD, [-1220, 20, 1280, 120]),
        ([0, 0, -9, 0], PROPOSAL_SPREAD, [29.68, 20, 30.32, 120]),
    ],
)
def test_decoding(deltas: list[float], spread: tuple[float, ...], expected: list[float]) -> None:
    decoded = decode(PROPOSAL, torch.tensor([deltas]), spread)
    assert decoded[0].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-4)


def test_low_precision_is_decoded_in_float32() -> None:
    assert decode(PROPOSAL, torch.zeros(1, 4, dtype=torch.bfloat16), BOX_SPREAD).dtype == torch.float32


def test_boxes_without_area_are_encoded_finitely() -> None:
    empty = torch.tensor([[5.0, 5.0, 5.0, 5.0]])
    assert encode(PROPOSAL, empty, BOX_SPREAD).isfinite().all()
    assert encode(empty, BOX, BOX_SPREAD).isfinite().all()


def test_clipping() -> None:
    assert clip(torch.tensor([[-3.0, 4.0, 70.0, 90.0]]), 64, 48)[0].tolist() == [0, 4, 64, 48]


@pytest.mark.parametrize(("difference", "expected"), [(0.05, 0.01125), (0.5, 0.444444)])
def test_smooth_l1_of_the_proposals(difference: float, expected: float) -> None:
    assert functional.smooth_l1_loss(torch.tensor(difference), torch.tensor(0.0), beta=BETA).item() == pytest.approx(expected, abs=1e-6)
