"""Losses of FineTrack on runs of frames, whole and degenerate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.finetrack.loss import FinetrackTask, build_task
from models.finetrack.network import build_network
from models.finetrack.options import FinetrackOptions
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame
from tests.models.finetrack.samples import RUNS, batch, mixed_batch, run_of, small_options
from tests.models.outrack.samples import EMPTY, MOVED, PEOPLE, frame
from tests.pipeline.tiny import settings_of


def task_of(options: FinetrackOptions, id_weight: float = 1.0, **shared: Any) -> FinetrackTask:
    torch.manual_seed(0)
    return build_task(build_network(options), options, settings_of(RUNS | shared, id_weight=id_weight), 150)


def one_person(boxes: Any) -> TrainingClip:
    shown = frame(boxes)
    return TrainingClip((TrainingFrame(shown.image, shown.boxes, np.zeros(len(boxes), np.int64), shown.ignore, None),), video=True)


def crowd(options: FinetrackOptions) -> Batch:
    random = np.random.default_rng(0)
    corners = random.uniform(0, [70, 40], (150, 2))
    boxes = np.concatenate([corners, corners + random.uniform(4, 24, (150, 2))], 1)
    return batch(run_of(boxes, boxes + 1), options)


DEGENERATE: dict[str, Any] = {
    "no box in a run": lambda options: batch(run_of(EMPTY, EMPTY), options),
    "one box": lambda options: batch(run_of(PEOPLE[:1], EMPTY), options),
    "one identity": lambda options: batch([one_person(PEOPLE), one_person(MOVED)], options),
    "300 boxes": crowd,
    "a box that leaves the image": lambda options: batch(run_of([[-60, -40, 80, 50]], [[60, 30, 400, 300]]), options),
    "a run that repeats its only frame": lambda options: batch(
        [TrainingClip((frame(PEOPLE),), video=True), TrainingClip((frame(PEOPLE),), video=True, repeated=(True,))], options
    ),
    "everything": mixed_batch,
}


@pytest.mark.parametrize("identity", ["supervised", "utrack"])
@pytest.mark.parametrize("shown", list(DEGENERATE))
def test_degenerate_runs_have_finite_losses_and_all_gradients(shown: str, identity: str) -> None:
    options = small_options(loss={"identity": identity}, max_objects=150)
    task = task_of(options)
    losses = task(DEGENERATE[shown](options))
    losses.total.backward()
    assert all(value.isfinite() for value in losses.terms.values())
    assert [name for name, p in task.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize("diversity", ["mask", "pooled", "embedding", "none"])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_every_diversity_goes_with_every_number_of_parts(diversity: str, parts: int) -> None:
    options = small_options(loss={"diversity": diversity}, parts=parts)
    task = task_of(options)
    losses = task(mixed_batch(options))
    losses.total.backward()
    assert losses.terms["total"].isfinite()
    assert (losses.terms["diversity"] == 0).item() is (diversity == "none" or parts < 2)
    assert (losses.terms["overlap"] > 0).item() is (parts > 1)  # shown whatever is trained
    shown = {"mask": "overlap", "embedding": "part_cosine"}.get(diversity)
    assert shown is None or losses.terms["diversity"].item() == losses.terms[shown].item()
    assert [name for name, p in task.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_masks_of_zeros_leave_finite_gradients() -> None:
    options = small_options(loss={"diversity": "pooled"})
    task = task_of(options)
    assert task.network.parts.masks is not None
    with torch.no_grad():
        task.network.parts.masks[-1].bias.fill_(-200.0)  # type: ignore[union-attr,operator]
    losses = task(mixed_batch(options))
    losses.total.backward()
    assert losses.total.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.parameters())


def test_the_total_is_the_learnt_balance() -> None:
    options = small_options(loss={"identity_weight": 2.0, "triplet_weight": 3.0, "diversity_weight": 5.0})
    terms = task_of(options, id_weight=0.5)(mixed_batch(options)).terms
    reid = 2 * terms["identity"] + 3 * terms["triplet"] + 5 * terms["diversity"]
    detection = terms["heatmap"] + 0.4 * terms["size"] + terms["offset"]
    s_det, s_id = torch.tensor(-1.85), torch.tensor(-1.05)
    total = 0.5 * (torch.exp(-s_det) * detection + 0.5 * torch.exp(-s_id) * reid + s_det + s_id)
    torch.testing.assert_close(terms["total"], total)


def test_a_frame_that_only_fills_a_run_teaches_nothing() -> None:
    options = small_options()
    filled = [TrainingClip((frame(PEOPLE),), video=True, repeated=(again,)) for again in (False, True)]
    targets = batch(filled, options).targets
    assert targets["object_valid"].any(-1).flatten().tolist() == [True, False]
    assert targets["background"].any(-1).any(-1).flatten().tolist() == [True, False]


def test_utrack_reads_the_ends_of_a_run_alone() -> None:
    """What a frame in the middle shows changes no similarity between the first and the last."""
    options = small_options(loss={"identity": "utrack"})
    task = task_of(options, group_frames=3)
    valid = torch.ones(3, 2, dtype=torch.bool)
    embeddings = torch.randn(6, 16)
    other = embeddings.clone()
    other[2:4] = torch.randn(2, 16)
    first = task._utrack(embeddings, valid)
    assert torch.equal(first, task._utrack(other, valid))
    other[4:] = torch.randn(2, 16)
    assert not torch.equal(first, task._utrack(other, valid))


def test_utrack_without_runs_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="ends of a run"):
        task_of(small_options(loss={"identity": "utrack"}), sampling="rows")
