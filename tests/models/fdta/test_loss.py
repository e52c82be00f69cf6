"""A training step: gradients, clips of every kind, frames without gradients, memory, epochs and what is logged."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.fdta.groups import group_of
from models.fdta.loss import FdtaTask, build_task, identity_terms
from models.fdta.network import build_network
from models.fdta.observations import Observations, histories
from pipeline.contract.clips import Batch
from pipeline.contract.spec import Group
from tests.models.fdta.samples import batch, mixed_batch, small_options, walk
from tests.pipeline.tiny import settings_of

VARIANTS: dict[str, dict[str, Any]] = {
    "centres": {},
    "learned": {"queries": "learned", "depth_attention": "before", "depth_stride": 8, "depth_projection": "shared"},
    "between": {"depth_attention": "between", "depth_detached": False},
    "motip": {"depth_attention": "off", "temporal": False, "levels": 4},
    "light": {"encoder_layers": 0, "decoder_layers": 1},
}


def task_of(loss: dict[str, Any] | None = None, **network: Any) -> FdtaTask:
    torch.manual_seed(0)
    options = small_options(loss, **network)
    return build_task(build_network(options), options, settings_of(), 0)


def without_gradient(task: FdtaTask) -> list[str]:
    """Names of parameters that no gradient, or one that is not finite, has reached."""
    learnt = [(name, p) for name, p in task.named_parameters() if p.requires_grad]
    return [name for name, p in learnt if p.grad is None or not torch.isfinite(p.grad).all()]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["clips", "stills", "nobody"])
def test_every_parameter_gets_a_finite_gradient_in_every_step(variant: str, kind: str) -> None:
    task = task_of(**VARIANTS[variant])
    task.begin_epoch(1)
    clips = {"clips": None, "stills": [walk(1), walk(1, [], depth=False)], "nobody": [walk(5, [], depth=False)] * 2}[kind]
    losses = task(mixed_batch(task.options) if clips is None else batch(clips, task.options))
    losses.total.backward()
    assert without_gradient(task) == []
    assert all(torch.isfinite(value) for value in losses.terms.values())
    assert ("identity" in losses.terms) == (kind != "stills")


def test_losses_reach_what_they_should_train() -> None:
    task = task_of(loss={"identity_overlap": -1.0 + 1.0})  # every query lies well enough that overlaps at all
    task.begin_epoch(1)
    shown = mixed_batch(task.options)
    with torch.no_grad():
        for part in task.network.detector.detr.decoder.layers:  # the start values of weights that begin at 0 would hide gradients
            part.cross_attn.sampling_offsets.weight.normal_(std=0.1)  # type: ignore[union-attr, operator]
    task(shown).total.backward()
    for name in ("detector.backbone", "detector.detr.decoder", "detector.heat", "detector.spatial", "association.id_decoder"):
        parameters = [p for n, p in task.network.named_parameters() if n.startswith(name)]
        assert any(p.grad.abs().max() > 0 for p in parameters), name  # type: ignore[union-attr]


def test_the_contrastive_loss_waits_for_its_epoch() -> None:
    task = task_of(loss={"identity_overlap": 0.0, "identity_from_epoch": 2})
    shown = batch([walk(5)], task.options)
    for epoch, there in ((0, False), (1, False), (2, True)):
        task.begin_epoch(epoch)
        task.zero_grad()
        losses = task(shown)
        losses.total.backward()
        assert (losses.terms["contrastive"] > 0) == there
        assert without_gradient(task) == []


def test_a_weight_of_zero_leaves_the_identity_adapter_out() -> None:
    task = task_of(loss={"identity_weight": 0.0})
    assert task.identity is None
    assert "contrastive" not in task(batch([walk(5)], task.options)).terms
    assert not any("identity" in name for name in task.network.state_dict()), "nor is it ever published"


@pytest.mark.parametrize("kept", [1, 2])
def test_checkpointed_activations_give_the_same_gradients(kept: int) -> None:
    gradients = []
    for frames in (0, kept):
        task = task_of({"checkpoint_frames": frames, "gradient_frames": 3})
        for module in task.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()  # batch statistics differ between one frame and three
        shown = batch([walk(5)], task.options)
        task(shown).total.backward()
        gradients.append({name: p.grad for name, p in task.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_frames_without_gradients_give_the_same_observations() -> None:
    seen = []
    for loss in ({"gradient_frames": 5}, {"gradient_frames": 2, "chunk_frames": 2}):
        task = task_of(loss).eval()
        shown = batch([walk(5), walk(5, seed=4)], task.options)
        terms = task(shown).terms
        seen.append((terms["identity"].item(), terms["contrastive"].item()))
        assert terms["identity"].item() > 0
    assert seen[0] == pytest.approx(seen[1], rel=1e-5)


def test_without_frames_with_gradients_the_adapters_learn_alone() -> None:
    task = task_of({"gradient_frames": 0, "identity_overlap": 0.0})
    task.begin_epoch(1)
    losses = task(batch([walk(5)], task.options))
    losses.total.backward()
    assert losses.terms["detection"] == 0
    assert without_gradient(task) == []
    assert not any(p.grad.any() for p in task.network.detector.parameters() if p.requires_grad)  # type: ignore[union-attr]
    assert any(p.grad.any() for p in task.network.association.parameters())  # type: ignore[union-attr]


def test_detection_is_divided_by_the_boxes_of_all_frames() -> None:
    task = task_of({"gradient_frames": 1}).eval()
    shown = batch([walk(5)], task.options)
    alone = Batch(
        shown.images, {**shown.targets, "valid": shown.targets["valid"] & shown.targets["gradients"][..., None]}, shown.same_scene
    )
    assert task(alone).terms["box"].item() == pytest.approx(5 * task(shown).terms["box"].item(), rel=1e-4)


def test_identity_terms_count_known_and_newborn_apart() -> None:
    logits = torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0], [9.0, 0.0, 0.0]])
    answers = torch.tensor([0, 0, 2, 2, -1])
    terms = identity_terms(logits, answers, 1.0)
    assert [terms[f"{kind}_{what}"].item() for kind in ("known", "newborn") for what in ("asked", "right")] == [2, 1, 2, 1]
    expected = torch.nn.functional.cross_entropy(logits[:4], answers[:4])
    assert terms["identity"].item() == pytest.approx(expected.item())
    weights = torch.tensor([1.0, 1.0, 3.0])
    weighted = torch.nn.functional.cross_entropy(logits[:4], answers[:4], weight=weights)
    assert identity_terms(logits, answers, 3.0)["identity"].item() == pytest.approx(weighted.item())
    assert identity_terms(logits, torch.full((5,), -1), 1.0)["identity"].item() == 0.0


def test_histories_follow_the_group() -> None:
    queries = torch.arange(2 * 3, dtype=torch.float32).view(1, 2, 3, 1)
    seen = torch.ones(1, 2, 3, dtype=torch.bool)
    past = torch.tensor([[[[0, 1, 2], [1, 0, -1]], [[-1, 1, 2], [0, 1, 2]]]])
    found, present = histories(Observations(queries, seen, torch.ones(1, 2, 3)), past)
    assert found[0, 0, :, :, 0].tolist() == [[0, 4], [1, 3], [2, 0]]
    assert present[0, 0].tolist() == [[True, True], [True, True], [True, False]]
    assert found[0, 1, :, :, 0].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_equal_seeds_give_equal_steps() -> None:
    totals = []
    for _ in range(2):
        task = task_of(temporal_dropout=0.1)
        torch.manual_seed(5)
        totals.append(task(batch([walk(5)], task.options)).total)
    assert torch.equal(totals[0], totals[1])


@pytest.mark.parametrize(
    ("name", "rate", "clip"),
    [
        ("network.detector.backbone.layer2.0.conv1.weight", 0.1, "detector"),
        ("network.detector.detr.reference_points.weight", 0.05, "detector"),
        ("network.detector.detr.encoder.layers.0.self_attn.sampling_offsets.bias", 0.05, "detector"),
        ("network.detector.spatial.classify.weight", 1.0, "detector"),
        ("network.association.id_decoder.word_to_embed.weight", 1.0, "association"),
        ("identity.layers.0.weight", 1.0, "association"),
    ],
)
def test_parameters_belong_to_groups(name: str, rate: float, clip: str) -> None:
    assert group_of(name, small_options(backbone="resnet50")) == Group(rate, 1.0, decays_vectors=True, clip=clip)
    assert any(name.startswith(part) for part in ("network.", "identity."))


def test_group_names_are_those_of_the_task() -> None:
    names = [name for name, _ in task_of(queries="learned").named_parameters()]
    for part in ("network.detector.", ".backbone.", "reference_points", "sampling_offsets", "network.association.", "identity."):
        assert any(part in name for name in names), part


def test_bfloat16_training_gives_nearly_the_same_losses() -> None:
    terms = []
    for enabled in (False, True):
        task = task_of({"identity_overlap": 0.0}).eval()
        task.begin_epoch(1)
        shown = batch([walk(5)], task.options)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses = task(shown)
        losses.total.backward()
        assert without_gradient(task) == []
        assert losses.total.dtype == torch.float32
        terms.append(losses.terms)
    for name in ("score", "box", "depth", "identity", "contrastive", "total"):
        assert terms[1][name].item() == pytest.approx(terms[0][name].item(), rel=0.1, abs=0.02), name
