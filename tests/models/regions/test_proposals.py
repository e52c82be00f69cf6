"""What the proposal head's scores become: the best regions of each level, suppressed, the best of all."""

from __future__ import annotations

import pytest
import torch

from models.regions.anchors import anchors
from models.regions.proposals import NEVER, ProposalHead, propose

LEVELS = anchors([(8, 8), (4, 4)], [4, 8], 4.0, [1.0, 2.0])
COUNT = sum(map(len, LEVELS))


def test_the_head_speaks_of_anchors_in_their_order() -> None:
    torch.manual_seed(0)
    head = ProposalHead(3, 2)
    maps = [torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4)]
    logits, deltas = head(maps)
    assert logits.shape == (2, COUNT)
    hidden = head.hidden(maps[1]).relu()
    assert logits[1, len(LEVELS[0]) + (2 * 4 + 3) * 2 + 1].item() == pytest.approx(head.objectness(hidden)[1, 1, 2, 3].item(), abs=1e-6)
    assert deltas[1, len(LEVELS[0]) + (2 * 4 + 3) * 2 + 1].tolist() == pytest.approx(head.deltas(hidden)[1, 4:8, 2, 3].tolist(), abs=1e-6)


def test_best_first_within_limits() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, COUNT)
    found = propose(LEVELS, logits, torch.zeros(2, COUNT, 4), (32, 32), level_limit=20, limit=10)
    for image, each in enumerate(found):
        assert len(each.boxes) == len(each.logits) == 10
        assert (each.logits.diff() <= 0).all()
        assert each.logits[0] == logits[image].max()
        assert each.boxes.min() >= 0
        assert each.boxes.max() <= 32
    outside = propose(LEVELS, logits, torch.zeros(2, COUNT, 4), None, level_limit=20, limit=10)
    assert min(each.boxes.min() for each in outside) < 0


def test_levels_do_not_suppress_each_other() -> None:
    logits = torch.full((1, COUNT), NEVER)
    logits[0, 0], logits[0, len(LEVELS[0])] = 2.0, 3.0
    same = torch.tensor([[4.0, 4.0, 20.0, 20.0]])
    alike = [torch.cat([same, LEVELS[0][1:]]), torch.cat([same, LEVELS[1][1:]])]
    (found,) = propose(alike, logits, torch.zeros(1, COUNT, 4), None, level_limit=5, limit=5)
    assert found.boxes.tolist() == same.tolist() * 2
    assert found.logits.tolist() == [3.0, 2.0]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_no_region_is_left_of_what_is_not_finite(bad: float) -> None:
    (found,) = propose(LEVELS, torch.full((1, COUNT), bad), torch.zeros(1, COUNT, 4), (32, 32), level_limit=20, limit=10)
    assert found.boxes.shape == (0, 4)
    (found,) = propose(LEVELS, torch.zeros(1, COUNT), torch.full((1, COUNT, 4), bad), None, level_limit=20, limit=10)
    assert found.boxes.isfinite().all()
