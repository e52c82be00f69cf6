"""Association in ByteTrack's order: who takes part, and what pairs cost."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.kernels.rounds import Limits, alike, by_score, overlapping

LIMITS = Limits(weight=0.5, gate=0.1, likeness=0.5, high=0.8, low=0.5)
BOX = np.array([[0.0, 0.0, 10.0, 10.0]])


def _beside(overlap: float) -> np.ndarray:
    """A box of this IoU with BOX."""
    moved = 10 * (1 - overlap) / (1 + overlap)
    return (BOX + np.array([moved, 0, moved, 0])).astype(np.float32)


@pytest.mark.parametrize(
    ("cosine", "overlap", "cost"),
    [
        (0.9, 0.7, 0.2),  # 0.5 * 0.1 + 0.5 * 0.3
        (0.2, 0.7, 0.55),  # unlike, but in place
        (0.9, 0.0, 0.55),  # elsewhere, but alike
        (0.4, 0.05, None),  # neither
        (0.5, 0.05, 0.725),  # just alike
        (-0.5, 0.5, None),  # above the limit: 0.5 * 1.5 + 0.5 * 0.5
    ],
)
def test_costs_of_the_first_round(cosine: float, overlap: float, cost: float | None) -> None:
    starts, columns, gains = alike(BOX, _beside(overlap), np.array([[cosine]], np.float32), LIMITS)
    if cost is None:
        assert starts.tolist() == [0, 0]
    else:
        assert (starts.tolist(), columns[0]) == ([0, 1], 0)
        assert gains[0] == pytest.approx(cost - LIMITS.high, abs=1e-6)


def test_no_gate_forbids_nothing() -> None:
    starts, _, gains = alike(BOX, _beside(0.0) + 100, np.array([[0.45]], np.float32), LIMITS._replace(gate=0.0))
    assert starts.tolist() == [0, 1]
    assert gains[0] == pytest.approx(0.5 * 0.55 + 0.5 - 0.8, abs=1e-6)


@pytest.mark.parametrize(("overlap", "pairs"), [(0.6, 1), (0.4, 0)])
def test_the_second_round_asks_for_overlap_alone(overlap: float, pairs: int) -> None:
    starts, _, gains = overlapping(BOX, np.array([0]), _beside(overlap), LIMITS.low)
    assert starts.tolist() == [0, pairs]
    if pairs:
        assert gains[0] == pytest.approx(1 - overlap - LIMITS.low, abs=1e-6)


def test_a_cost_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        alike(BOX, _beside(0.7), np.array([[np.nan]], np.float32), LIMITS)


def test_sure_detections_come_first_and_boxes_without_size_never() -> None:
    scores = np.array([0.05, 0.3, 0.9, 0.6, 0.2, 0.95, 0.95], np.float32)
    boxes = np.repeat(BOX, len(scores), axis=0).astype(np.float32)
    boxes[5, 2], boxes[6, 3] = 0, 0
    rows, sure = by_score(boxes, scores, 0.1, 0.6)
    assert (rows.tolist(), sure) == ([2, 3, 1, 4], 2)
