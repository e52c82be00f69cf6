"""How the total is put together, and what displacement is learnt from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.centertrack.loss import CenterTrackTask
from models.centertrack.network import build_network
from models.centertrack.targets import make_targets
from pipeline.contract.clips import Batch, Losses, TrainingClip, to_float
from tests.models.centertrack.samples import batch, small_options
from tests.models.outrack.samples import MOVED, PEOPLE, frame


def pairs(options: Any) -> Batch:
    people = np.arange(3)
    shown = replace(frame(PEOPLE), identities=people), replace(frame(MOVED, seed=1), identities=people)
    return batch([TrainingClip(shown, video=True), TrainingClip(shown, same_scene=False)], options)


def run(**loss: Any) -> tuple[CenterTrackTask, Batch, Losses]:
    torch.manual_seed(0)
    options = small_options(loss=loss)
    task, shown = CenterTrackTask(build_network(options), options).eval(), pairs(options)
    return task, shown, task(shown)


def test_total_is_a_plain_weighted_sum() -> None:
    _, _, (total, t) = run(displacement_weight=0.7, depth_weight=0.5, size_weight=0.1)
    detection = t["heatmap"] + 0.1 * t["size"] + t["offset"] + 0.5 * (t["occlusion"] + t["occlusion_offset"])
    assert float(t["detection"]) == pytest.approx(float(detection), rel=1e-6)
    assert total.item() == pytest.approx(float(detection + 0.7 * t["displacement"] + 0.5 * t["depth"]), rel=1e-6)
    assert not any(value.requires_grad for value in t.values())


def test_displacement_is_compared_where_both_frames_show_the_object() -> None:
    """Mean over the three people of the positive pair; the negative pair's same people are not looked at."""
    task, shown, losses = run()
    memory = torch.cat([to_float(shown.images[:, 1]), shown.targets["prior"]], 1)
    with torch.no_grad():
        maps = task.network(to_float(shown.images[:, 0]), memory).displacement[0].flatten(1)
    now, before = np.array(PEOPLE, float), np.array(MOVED, float)
    truth = torch.from_numpy(((before - now)[:, :2] + (before - now)[:, 2:]) / 2 / 4).float()
    found = maps[:, shown.targets["object_cells"][0, :3]].T
    assert float(losses.terms["displacement"]) == pytest.approx(float((found - truth).abs().mean()), rel=1e-4)


def test_without_known_people_the_displacement_head_rests() -> None:
    options = small_options()
    torch.manual_seed(0)
    task = CenterTrackTask(build_network(options), options)
    unknown = [replace(shown, identities=np.full(3, -1)) for shown in (frame(PEOPLE), frame(MOVED, seed=1))]
    losses = task(batch([TrainingClip(tuple(unknown), video=True)] * 2, options))
    losses.total.backward()
    assert float(losses.terms["displacement"]) == 0
    assert not task.network.heads.last["displacement"].weight.grad.any()


def test_only_the_present_frame_trains_detection() -> None:
    """Objects of the other frame are no targets: without any in the present one, no size is learnt."""
    options = small_options()
    targets = make_targets(TrainingClip((frame([]), frame(PEOPLE))), options)
    assert not targets["object_valid"].any()
    torch.manual_seed(0)
    task = CenterTrackTask(build_network(options), options)
    assert float(task(batch([TrainingClip((frame([]), frame(PEOPLE)))] * 2, options)).terms["size"]) == 0
