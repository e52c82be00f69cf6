"""Detection terms against plain formulas, and how the total is put together."""

from __future__ import annotations

import math

import pytest
import torch

from models.dense.losses import focal_loss, l1_loss
from models.outrack.loss import OutrackTask
from models.outrack.network import build_network
from models.outrack.targets import trim
from pipeline.contract.clips import Losses
from tests.models.outrack.samples import mixed_batch, small_options


def test_focal_loss_follows_eq_12_and_skips_ignored_cells() -> None:
    logits = torch.tensor([0.3, -1.0, 2.0, 0.5]).view(1, 1, 1, 4)
    truth = torch.tensor([1.0, 0.4, 0.0, 1.0]).view(1, 1, 1, 4)
    background = torch.tensor([True, True, False, False]).view(1, 1, 1, 4)
    p = [1 / (1 + math.exp(-x)) for x in (0.3, -1.0, 2.0, 0.5)]
    peaks = -((1 - p[0]) ** 2 * math.log(p[0]) + (1 - p[3]) ** 2 * math.log(p[3]))
    absent = -(0.6**4) * p[1] ** 2 * math.log(1 - p[1])
    assert float(focal_loss(logits, truth, background)) == pytest.approx((peaks + absent) / 2, rel=1e-5)


def test_focal_loss_without_peaks_is_the_plain_negative_term() -> None:
    logits, truth = torch.full((1, 1, 2, 2), -1.0), torch.zeros(1, 1, 2, 2)
    p = 1 / (1 + math.exp(1))
    found = focal_loss(logits, truth, torch.ones_like(truth, dtype=torch.bool))
    assert float(found) == pytest.approx(-4 * p**2 * math.log(1 - p), rel=1e-5)


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([200.0, -200.0]).view(1, 1, 1, 2).requires_grad_(True)
    loss = focal_loss(logits, torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.ones(1, 1, 1, 2, dtype=torch.bool))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_l1_is_the_mean_over_valid_coordinates() -> None:
    predicted, truth = torch.zeros(1, 3, 2), torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    assert float(l1_loss(predicted, truth, torch.tensor([[True, True, False]]))) == pytest.approx(10 / 4, rel=1e-4)
    assert float(l1_loss(predicted, truth, torch.zeros(1, 3, dtype=torch.bool))) == 0


def run(id_weight: float = 1.0, **loss: object) -> tuple[OutrackTask, Losses]:
    torch.manual_seed(0)
    options = small_options(loss=loss)
    task = OutrackTask(build_network(options), options, id_weight, identities=3).eval()
    return task, task(mixed_batch(options))


def test_total_is_the_uncertainty_weighted_sum_plus_depth() -> None:
    _, (total, t) = run(id_weight=10.0, depth_weight=0.5, size_weight=0.1)
    detection = t["heatmap"] + 0.1 * t["size"] + t["offset"] + 0.5 * (t["occlusion"] + t["occlusion_offset"])
    reid = t["reid_intra"] + t["reid_inter"] + t["reid_cycle"] + t["reid_negative"]
    assert float(t["detection"]) == pytest.approx(float(detection), rel=1e-6)
    assert float(t["reid"]) == pytest.approx(float(reid), rel=1e-6)
    weighted = 0.5 * (math.exp(1.85) * float(detection) + math.exp(1.05) * 10 * float(reid) - 1.85 - 1.05)
    assert total.item() == pytest.approx(weighted + 0.5 * float(t["depth"]), rel=1e-5)
    assert not any(value.requires_grad for value in t.values())


def test_without_identity_weight_detection_alone_is_minimised() -> None:
    task, (total, terms) = run(id_weight=0.0, depth_weight=0.0)
    assert total.item() == pytest.approx(float(terms["detection"]))
    assert not hasattr(task, "s_det")


def test_without_an_objective_detection_alone_is_minimised_and_the_embedding_head_rests() -> None:
    task, (total, terms) = run(id_weight=1.0, reid="none", depth_weight=0.0)
    total.backward()
    assert total.item() == pytest.approx(float(terms["detection"]))
    assert not hasattr(task, "s_id")
    assert [name for name in terms if name.startswith("reid")] == ["reid"]
    assert (task.network.heads.last["embedding"].weight.grad == 0).all()
    assert task.network.heads.last["heatmap"].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("reid", ["utrack", "cycas", "classification"])
def test_the_objective_weighs_in_the_total(reid: str) -> None:
    task, (total, t) = run(id_weight=10.0, reid=reid, depth_weight=0.0)
    total.backward()
    assert float(t["reid"]) > 0
    weighted = 0.5 * (math.exp(1.85) * float(t["detection"]) + math.exp(1.05) * 10 * float(t["reid"]) - 1.85 - 1.05)
    assert total.item() == pytest.approx(weighted, rel=1e-5)
    assert task.network.heads.last["embedding"].weight.grad.abs().sum() > 0


def test_partner_frame_counts_for_detection_only_when_asked() -> None:
    options = small_options(loss={"partner_detection": False})
    torch.manual_seed(0)
    network = build_network(options).eval()
    one, both = mixed_batch(options), mixed_batch(options)
    for name in ("heatmap", "size", "offset", "occlusion", "depth"):
        both.targets[name][:, 1] = 0.25
    alone = OutrackTask(network, options, 1.0)
    assert float(alone(one).terms["detection"]) == float(alone(both).terms["detection"])
    joint = OutrackTask(network, small_options(loss={"partner_detection": True}), 1.0)
    assert float(joint(one).terms["detection"]) != float(joint(both).terms["detection"])


@pytest.mark.parametrize("reid", ["utrack", "cycas", "classification", "none"])
def test_padding_teaches_nothing(reid: str) -> None:
    task, (total, terms) = run(reid=reid)
    padded = mixed_batch(task.options)
    found = task(padded._replace(targets=trim(padded.targets)))
    assert padded.targets["size"].shape[2] > 3
    assert found.total.item() == pytest.approx(total.item(), rel=1e-5)
    expected = {name: value.item() for name, value in terms.items()}
    assert {name: value.item() for name, value in found.terms.items()} == pytest.approx(expected, rel=1e-4, abs=1e-6)
