"""Cycle association by hand, and against a plain loop over pairs and entries."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.embedding.cycas import Cycas, cycle_loss
from models.outrack.options import LossOptions
from tests.models.outrack.samples import small_options


def options(margin: float = 0.5, temperature: str | float = "adaptive") -> LossOptions:
    return small_options(loss={"margin": margin, "temperature": temperature}).loss


def pairs(*counts: tuple[int, int], slots: int = 4) -> Tensor:
    """(B, 2, slots) bool for so many objects in both frames."""
    return torch.tensor([[[slot < n for slot in range(slots)] for n in pair] for pair in counts])


def axes(*counts: tuple[int, int], slots: int = 4) -> tuple[Tensor, Tensor]:
    """Object i of each frame lies on axis i; lengths and padding are arbitrary."""
    features = 3 * torch.eye(slots).expand(len(counts), 2, -1, -1)
    valid = pairs(*counts, slots=slots)
    return torch.where(valid[..., None], features, torch.tensor(7.0)), valid


def loss(features: Tensor, valid: Tensor, settings: LossOptions, positive: list[bool] | None = None) -> float:
    return float(cycle_loss(features, valid, torch.tensor(positive or [True] * len(valid)), settings))


def test_two_in_both_frames() -> None:
    # T = 2 ln 3: A = [[.9, .1], [.1, .9]] both ways, so the cycle is [[.82, .18], [.18, .82]]
    features, valid = axes((2, 2))
    assert loss(features, valid, options()) == 0
    assert loss(features, valid, options(margin=1.0)) == pytest.approx(4 * (1 + 0.18 - 0.82) / 4)


def test_a_given_temperature_is_used() -> None:
    # T = ln 3: A = [[.75, .25], [.25, .75]], so the cycle is [[.625, .375], [.375, .625]]
    features, valid = axes((2, 2))
    assert loss(features, valid, options(temperature=math.log(3))) == pytest.approx(4 * (0.5 + 0.375 - 0.625) / 4)


@pytest.mark.parametrize("counts", [(3, 2), (2, 3)])
def test_the_smaller_frame_starts_the_cycle(counts: tuple[int, int]) -> None:
    # there over 3 columns, T = ln 16: [16, 1, 1] / 18; back over 2, T = ln 9: [.9, .1], [.1, .9], [.5, .5]; so 15/18 and 3/18
    features, valid = axes(counts)
    assert loss(features, valid, options(margin=1.0)) == pytest.approx(4 * (1 - 12 / 18) / 5)


@pytest.mark.parametrize("counts", [(0, 0), (2, 0), (0, 2), (1, 1), (1, 3), (3, 1)])
def test_none_and_one_have_nobody_to_be_taken_for(counts: tuple[int, int]) -> None:
    features, valid = axes(counts)
    assert loss(features, valid, options(margin=0.9)) == 0


def test_negative_pairs_teach_nothing_and_weigh_nothing() -> None:
    features, valid = axes((2, 2), (4, 3))
    assert loss(features, valid, options(margin=1.0), [False, False]) == 0
    assert loss(features, valid, options(margin=1.0), [True, False]) == pytest.approx(0.36)


def reference(features: Tensor, valid: Tensor, positive: list[bool], o: LossOptions) -> float:
    """The same loss pair by pair, entry by entry."""

    def softmax(row: list[float]) -> list[float]:
        t = 2 * math.log(len(row) + 1) if o.temperature == "adaptive" else float(o.temperature)
        weights = [math.exp(t * x) for x in row]
        return [w / sum(weights) for w in weights]

    total, count = 0.0, 0
    for pair in range(len(features)):
        if not positive[pair]:
            continue
        few, many = sorted((features[pair, frame][valid[pair, frame]] for frame in (0, 1)), key=len)
        count += len(few) + len(many)
        if not len(few):
            continue
        similarity = torch.nn.functional.cosine_similarity(few[:, None], many[None], dim=2).tolist()
        there = [softmax(row) for row in similarity]
        back = [softmax([row[j] for row in similarity]) for j in range(len(many))]
        n = range(len(few))
        cycle = [[sum(there[i][j] * back[j][k] for j in range(len(many))) for k in n] for i in n]
        for i in n:
            total += max(max([cycle[i][k] for k in n if k != i], default=-1.0) + o.margin - cycle[i][i], 0)
            total += max(max([cycle[k][i] for k in n if k != i], default=-1.0) + o.margin - cycle[i][i], 0)
    return total / max(count, 1)


@pytest.mark.parametrize("temperature", ["adaptive", 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_batch_equals_a_loop_over_pairs(temperature: str | float, seed: int) -> None:
    torch.manual_seed(seed)
    counts = [(3, 2), (2, 3), (0, 0), (1, 0), (0, 2), (1, 1), (4, 4), (3, 3), (2, 4), (1, 4)]
    positive = [True] * 8 + [False, True]
    features, valid = torch.randn(len(counts), 2, 4, 5), pairs(*counts)
    settings = options(temperature=temperature)
    expected = reference(features, valid, positive, settings)
    assert expected > 0.05
    assert loss(features, valid, settings, positive) == pytest.approx(expected, rel=1e-4)


def test_padding_has_no_influence() -> None:
    torch.manual_seed(0)
    features, valid = torch.randn(3, 2, 4, 5), pairs((3, 2), (2, 3), (2, 2))
    other = torch.where(valid[..., None], features, 100 * torch.randn(3, 2, 4, 5))
    assert loss(other, valid, options()) == loss(features, valid, options())
    assert loss(features[:, :, :3], valid[:, :, :3], options()) == pytest.approx(loss(features, valid, options()))


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (0, 3), (1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("positive", [True, False])
def test_gradients_stay_finite_at_the_edges(counts: tuple[int, int], positive: bool) -> None:
    features = torch.zeros(1, 2, 3, 4, requires_grad=True)  # zero vectors, too, have no direction
    total = Cycas(options())(features, pairs(counts, slots=3), torch.tensor([positive]), None)["reid"]
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(features.grad).all()
