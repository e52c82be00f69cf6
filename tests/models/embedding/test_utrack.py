"""Eqs. 1-8: golden values of the released loss, and a plain loop over pairs as reference."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.embedding.utrack import reid_losses
from models.outrack.options import LossOptions
from tests.models.embedding.pairs import golden_pair
from tests.models.outrack.samples import small_options


def losses(features: Tensor, valid: Tensor, positive: list[bool], **changes: Any) -> list[float]:
    options = small_options(loss=changes).loss
    given = (features, valid, torch.tensor(positive), options)
    *found, total = [float(x) for x in reid_losses(*given)]
    assert total == pytest.approx(sum(found), rel=1e-6)
    return found


@pytest.mark.parametrize(
    ("placeholder", "intra", "inter", "cycle"),
    [("mean", 3.906519, 0.613631, 0.046557), ("none", 4.051735, 0.650727, 0.056512), ("zero", 3.826469, 0.628943, 0.044378)],
)
def test_positive_pair_has_the_released_losses(placeholder: str, intra: float, inter: float, cycle: float) -> None:
    features, valid = golden_pair()
    found = losses(features, valid, [True], placeholder=placeholder)
    assert found == pytest.approx([intra / 5, inter / 5, cycle / 5, 0.0], abs=2e-6)


def test_positive_total_is_divided_by_the_objects() -> None:
    features, valid = golden_pair()
    total = reid_losses(features, valid, torch.tensor([True]), small_options().loss).total
    assert float(total) == pytest.approx(0.913341, abs=1e-6)


def test_negative_pair_has_the_released_loss_with_and_without_hinge() -> None:
    features, valid = golden_pair()
    assert losses(features, valid, [False])[3] * 5 == pytest.approx(10.321257, abs=1e-5)
    assert losses(features, valid, [False], negative_hinge=False)[3] * 5 == pytest.approx(10.321257 - 5.668416, abs=1e-5)


@pytest.mark.parametrize("switch", ["intra", "inter", "cycle"])
def test_each_term_can_be_switched_off_alone(switch: str) -> None:
    features, valid = golden_pair()
    everything, without = losses(features, valid, [True]), losses(features, valid, [True], **{switch: False})
    place = ["intra", "inter", "cycle"].index(switch)
    assert without[place] == 0
    assert [x for i, x in enumerate(without) if i != place] == [x for i, x in enumerate(everything) if i != place]


def reference(features: Tensor, valid: Tensor, positive: list[bool], o: LossOptions) -> list[float]:
    """The same losses pair by pair, entry by entry."""
    intra = inter = cycle = negative = 0.0
    count = 0
    for pair in range(len(features)):
        first, second = features[pair, 0][valid[pair, 0]], features[pair, 1][valid[pair, 1]]
        n, total = len(first), len(first) + len(second)
        count += total
        if total == 0:
            continue
        unit = torch.nn.functional.normalize(torch.cat([first, second]), dim=1)
        similarity = unit @ unit.T
        others = [float(similarity[i, j]) for i in range(total) for j in range(total) if i != j]
        padded = o.placeholder != "none" or not positive[pair]
        mean = sum(others) / len(others) if others else 0.0
        value = mean if o.placeholder == "mean" and positive[pair] else 0.0
        t = 2 * math.log(total + padded + 1) if o.temperature == "adaptive" else float(o.temperature)
        m = torch.zeros(total, total + 1)
        for i in range(total):
            weights = {j: math.exp(t * float(similarity[i, j])) for j in range(total) if j != i}
            if padded:
                weights[total] = math.exp(t * value)
            for j, w in weights.items():
                m[i, j] = w / sum(weights.values())
        if positive[pair]:
            intra += float(m[:n, :n].sum() + m[n:, n:total].sum()) * o.intra
            for row in m:
                best, runner_up = sorted(row.tolist(), reverse=True)[:2]
                inter += max(runner_up + o.margin - best, 0) * o.inter
            cycle += float((m[:n, n:total] - m[n:, :n].T).abs().sum()) * o.cycle
        else:
            negative += float(m[:, :total].sum())
            negative += sum(max(float(row[:total].max() + o.margin - row[total]), 0.0) for row in m) * o.negative_hinge
    return [x / max(count, 1) for x in (intra, inter, cycle, negative)]


@pytest.mark.parametrize("placeholder", ["mean", "zero", "none"])
@pytest.mark.parametrize("temperature", ["adaptive", 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_batch_equals_a_loop_over_pairs(placeholder: str, temperature: str | float, seed: int) -> None:
    torch.manual_seed(seed)
    # 0 and 1 objects in either frame are among the cases
    counts = [(3, 2), (0, 0), (1, 0), (0, 2), (1, 1), (4, 4), (2, 3), (1, 0)]
    positive = [True, True, True, True, True, False, False, False]
    features = torch.randn(len(counts), 2, 4, 5, dtype=torch.float32)
    valid = torch.tensor([[[slot < n for slot in range(4)] for n in pair] for pair in counts])
    options = small_options(loss={"placeholder": placeholder, "temperature": temperature}).loss
    found = losses(features, valid, positive, placeholder=placeholder, temperature=temperature)
    assert found == pytest.approx(reference(features, valid, positive, options), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("placeholder", ["mean", "zero", "none"])
@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("positive", [True, False])
def test_gradients_stay_finite_at_the_edges(placeholder: str, counts: tuple[int, int], positive: bool) -> None:
    features = torch.zeros(1, 2, 3, 4, requires_grad=True)  # zero vectors, too, have no direction
    valid = torch.tensor([[[slot < n for slot in range(3)] for n in counts]])
    total = reid_losses(features, valid, torch.tensor([positive]), small_options(loss={"placeholder": placeholder}).loss).total
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(features.grad).all()


def test_mean_placeholder_passes_no_gradient() -> None:
    """A numeric derivative moves the placeholder along, the learnt one must not: the two differ."""
    features, valid = golden_pair()
    features.requires_grad_(True)
    options = small_options(loss={"temperature": 4.0}).loss
    reid_losses(features, valid, torch.tensor([True]), options).total.backward()
    detached = features.grad.clone()
    features.grad = None
    shift = 1e-3
    with torch.no_grad():
        base = float(reid_losses(features, valid, torch.tensor([True]), options).total)
        moved = features.clone()
        moved[0, 0, 0, 0] += shift
        numeric = (float(reid_losses(moved, valid, torch.tensor([True]), options).total) - base) / shift
    assert abs(numeric - float(detached[0, 0, 0, 0])) > 1e-4
