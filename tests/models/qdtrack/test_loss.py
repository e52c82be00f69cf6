"""The task: every option trains, degenerate samples leave losses finite and all gradients there, terms add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.qdtrack.loss import build_task
from models.qdtrack.network import build_network
from models.qdtrack.options import QdtrackOptions
from pipeline.contract.clips import Batch, TrainingClip
from tests.models.outrack.samples import MOVED, PEOPLE, frame
from tests.models.qdtrack.samples import batch, mixed_batch, small_options
from tests.models.qdtrack.test_targets import labelled
from tests.pipeline.tiny import settings_of

VARIANTS: dict[str, dict[str, Any]] = {
    "dense": {},
    "one positive": {"loss": {"matching": "one"}},
    "sparse": {"loss": {"matching": "sparse"}},
    "equation 3": {"loss": {"equation": 3}},
    "no auxiliary loss": {"loss": {"auxiliary": False}},
    "random negatives": {"loss": {"negatives": "random"}},
    "key image alone": {"loss": {"reference_detection": False}},
    "utrack": {"loss": {"reid": "utrack"}},
    "none": {"loss": {"reid": "none"}, "tracker": {"cues": ["iou"]}},
    "the paper's levels": {"stride64": True, "region_sampling": 0, "clip_boxes": True},
}


def step(options: QdtrackOptions, shown: Batch, id_weight: float = 1.0) -> dict[str, float]:
    """One step's terms; the total must be finite and every parameter have a gradient."""
    torch.manual_seed(0)
    task = build_task(build_network(options), options, settings_of(id_weight=id_weight), 0)
    losses = task(shown)
    losses.total.backward()
    assert [name for name, p in task.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []
    terms = {name: value.item() for name, value in losses.terms.items()}
    assert np.isfinite(list(terms.values())).all()
    return terms


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains(variant: str) -> None:
    options = small_options(**VARIANTS[variant])
    terms = step(options, mixed_batch(options))
    detection = sum(terms[name] for name in ("objectness", "proposal_box", "classification", "box"))
    assert terms["detection"] == pytest.approx(detection, rel=1e-5)
    assert terms["total"] == pytest.approx(detection + terms["reid"], rel=1e-5)
    if "embed" in terms:
        assert terms["reid"] == pytest.approx(0.25 * terms["embed"] + terms["auxiliary"], rel=1e-5)
        assert terms["embed"] > 0


@pytest.mark.parametrize(
    ("boxes", "partner"),
    [
        ([], []),
        (PEOPLE, []),
        ([], PEOPLE),
        # 500 boxes
        ([[x, y, x + 3, y + 4] for x in range(0, 75, 3) for y in range(0, 60, 3)], MOVED),
        # without area, and nowhere in the image
        ([[30, 30, 30, 30], [500, 10, 520, 40]], [[30, 30, 30, 40]]),
        # far larger than the image
        ([[-5000, -5000, 5080, 5060]], [[-5000, -5000, 5080, 5060]]),
    ],
)
def test_degenerate_frames(boxes: Any, partner: Any) -> None:
    options = small_options(max_objects=500)
    step(options, batch([TrainingClip((frame(boxes), frame(partner, seed=1)))] * 2, options))


def test_no_proposal_left() -> None:
    options = small_options(loss={"level_limit": 1, "reference_level_limit": 1, "proposals": 1})
    torch.manual_seed(0)
    network = build_network(options)
    torch.nn.init.constant_(network.proposal_head.deltas.bias, -torch.inf)
    shown = batch([TrainingClip((frame([]), frame([])))], options)
    task = build_task(network, options, settings_of(), 0)
    terms = task(shown).terms
    assert terms["classification"] == terms["box"] == 0
    assert torch.isfinite(terms["objectness"])


def test_a_box_without_area_that_reaches_the_task_is_survived() -> None:
    options = small_options()
    shown = mixed_batch(options)
    shown.targets["boxes"][0, :, 0, 2:] = shown.targets["boxes"][0, :, 0, :2]
    step(options, shown)


def test_a_pair_without_anyone_in_common_adds_nothing() -> None:
    options = small_options()
    alone = batch([TrainingClip((frame(PEOPLE), frame(MOVED, seed=1)))], options)
    strangers = TrainingClip((frame(PEOPLE), frame([], seed=1)))
    both = batch([TrainingClip((frame(PEOPLE), frame(MOVED, seed=1))), strangers], options)
    torch.manual_seed(0)
    task = build_task(build_network(options), options, settings_of(), 0).eval()  # batch statistics would differ
    assert task(both).terms["embed"].item() == pytest.approx(task(alone).terms["embed"].item() / 2, rel=1e-4)


def test_unknown_people_train_detection_alone() -> None:
    options = small_options()
    shown = mixed_batch(options)
    shown.targets["identities"].fill_(-1)
    terms = step(options, shown)
    assert terms["embed"] == terms["auxiliary"] == 0
    assert terms["box"] > 0


def test_the_weight_of_identities() -> None:
    options = small_options()
    terms = step(options, mixed_batch(options), id_weight=0.0)
    assert terms["total"] == pytest.approx(terms["detection"])


def test_masks_are_learnt_at_positive_regions() -> None:
    options = small_options(mask_head=True)
    masks = np.ones((3, 64, 96), np.uint8)
    shown = batch([TrainingClip((labelled(PEOPLE, masks=masks), labelled(MOVED, masks=masks)))], options)
    terms = step(options, shown)
    assert 0.5 < terms["mask"] < 1  # log 2 of a guess
    assert terms["total"] == pytest.approx(terms["detection"] + terms["reid"], rel=1e-5)
    nobody = labelled([], masks=masks[:0])
    assert step(options, batch([TrainingClip((nobody, nobody))], options))["mask"] == 0


def test_a_step_is_a_function_of_its_samples() -> None:
    options = small_options(loss={"box_samples": 16, "anchor_samples": 32})
    assert step(options, mixed_batch(options)) == step(options, mixed_batch(options))


def test_bfloat16() -> None:
    options = small_options()
    with torch.autocast("cpu", torch.bfloat16):
        step(options, mixed_batch(options))
