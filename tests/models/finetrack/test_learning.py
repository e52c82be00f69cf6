"""A tiny network learns a run by heart: where people are, who is who, and parts that differ."""

from __future__ import annotations

import numpy as np
import torch

from models.finetrack.decode import decode
from models.finetrack.loss import build_task
from models.finetrack.network import build_network
from pipeline.contract.clips import to_float
from pipeline.numerics.boxes import iou
from tests.models.finetrack.samples import GROUPS, batch, run_of, small_options
from tests.models.outrack.samples import MOVED, PEOPLE, learn


def test_one_run_is_learnt_and_decoded() -> None:
    torch.manual_seed(0)
    options = small_options(width=16, channels=16, head_width=16)
    people = PEOPLE[:2], MOVED[:2]  # the third has the second's cell
    shown = batch(run_of(*people), options)
    task = build_task(build_network(options), options, GROUPS, 3)
    history = learn(task, shown)
    first, last = history[0], history[-1]
    assert last["detection"] < 0.15 * first["detection"]
    assert last["identity"] < 0.7 * first["identity"]  # of unit vectors and three classes, it cannot fall below 0.4 times
    assert last["triplet"] < 0.3 * first["triplet"]
    assert last["diversity"] < 0.5 * first["diversity"]
    # batch statistics: the running ones have not settled after so few steps
    with torch.no_grad():
        found = decode(task.network, task.network(to_float(shown.images.flatten(0, 1))), options)
    looks = []
    for seen, truth in zip(found, people, strict=True):
        overlaps = iou(np.array(truth, np.float32), seen.boxes)
        assert (overlaps.max(axis=1) > 0.6).all()
        looks.append(seen.embeddings[overlaps.argmax(axis=1)])
    assert (looks[0] @ looks[1].T).argmax(axis=1).tolist() == [0, 1]
