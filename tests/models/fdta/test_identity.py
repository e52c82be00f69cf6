"""The contrastive loss against stored numbers and a loop, and what takes part in it."""

from __future__ import annotations

import math

import pytest
import torch

from models.fdta.identity import IdentityAdapter, anchor_losses, contrastive_loss, spans
from pipeline.contract.spec import count_parameters

ROWS, COLUMNS = torch.meshgrid(torch.arange(5).double(), torch.arange(3).double(), indexing="ij")
EMBEDDINGS = torch.sin(0.7 * ROWS + 0.4 * COLUMNS + 0.3 * ROWS * COLUMNS)
PEOPLE = torch.tensor([0, 0, 1, 0, 1])
WEIGHTS = torch.tensor([0.9, 0.6, 0.8, 1.0, 0.7]).double()


def test_loss_is_the_stored_one() -> None:
    # computed with the released functions
    anchors = anchor_losses(EMBEDDINGS, PEOPLE, WEIGHTS, 0.1)
    assert anchors.tolist() == pytest.approx([3.902328, 3.369886, 6.322181, 10.034619, 5.712070], abs=6e-7)
    assert contrastive_loss(EMBEDDINGS, PEOPLE, WEIGHTS, 0.1).item() == pytest.approx(0.586822, abs=6e-7)
    assert contrastive_loss(EMBEDDINGS, PEOPLE, torch.ones_like(WEIGHTS), 0.1).item() == pytest.approx(0.725764, abs=6e-7)


def test_loss_equals_a_loop_over_ordered_pairs() -> None:
    torch.manual_seed(0)
    given, people, weights = torch.randn(9, 4).double(), torch.randint(0, 4, (9,)), torch.rand(9).double() + 0.1
    unit = torch.nn.functional.normalize(given, dim=1)
    anchors = []
    for i in range(9):
        costs = []
        for j in range(9):
            if i != j and people[i] == people[j]:
                others = sum(math.exp(unit[i] @ unit[k] / 0.1) for k in range(9) if people[k] != people[i])
                own = math.exp(unit[i] @ unit[j] / 0.1)
                costs.append(-2 * weights[i] * weights[j] / (weights[i] + weights[j]) * math.log(own / (own + others)))
        if costs:
            anchors.append(sum(costs) / len(costs))
    expected = float(sum(anchors) / len(anchors)) * 0.1
    assert contrastive_loss(given, people, weights, 0.1).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "people",
    [
        [],  # nobody lies well enough
        [0],  # one observation
        [0, 1, 2],  # nobody twice
        [3, 3],  # one person, nobody else
    ],
)
def test_loss_and_gradient_are_finite_without_pairs_or_others(people: list[int]) -> None:
    embeddings = torch.randn(len(people), 4, requires_grad=True)
    loss = contrastive_loss(embeddings, torch.tensor(people, dtype=torch.long), torch.ones(len(people)), 0.1)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.isfinite(embeddings.grad).all()  # type: ignore[arg-type]


def test_adapter_has_the_papers_parameters() -> None:
    assert count_parameters(IdentityAdapter(256, 256)) == 197_376


def test_pairs_come_from_the_clip_or_from_ten_frames() -> None:
    assert spans(25, "clip") == [slice(0, 25)]
    assert spans(25, "chunks") == [slice(0, 10), slice(10, 20), slice(20, 30)]
