"""Box forms and the generalised overlap."""

from __future__ import annotations

import pytest
import torch

from models.queries.boxes import generalised_iou, pairwise_giou, to_centres, to_corners

TABLE = [  # first, second (corners), generalised overlap
    ([0, 0, 1, 1], [0, 0, 1, 1], 1.0),  # equal
    ([0, 0, 1, 1], [1, 0, 2, 1], 0.0),  # side by side: no overlap, no gap
    ([0, 0, 1, 1], [3, 0, 4, 1], -0.5),  # hull 4, union 2
    ([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7 - 2 / 9),  # a corner each
    ([0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], 0.0),  # empty on one spot
]


@pytest.mark.parametrize(("first", "second", "expected"), TABLE)
def test_generalised_iou(first: list[float], second: list[float], expected: float) -> None:
    one, other = torch.tensor([first]).double(), torch.tensor([second]).double()
    assert generalised_iou(one, other).item() == pytest.approx(expected, abs=1e-9)
    assert pairwise_giou(one, other).item() == pytest.approx(expected, abs=1e-9)


def test_forms_convert_there_and_back() -> None:
    boxes = torch.tensor([[0.3, 0.4, 0.2, 0.6]])
    torch.testing.assert_close(to_corners(boxes), torch.tensor([[0.2, 0.1, 0.4, 0.7]]))
    torch.testing.assert_close(to_centres(to_corners(boxes)), boxes)
