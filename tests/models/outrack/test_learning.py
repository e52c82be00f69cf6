"""A tiny network learns one batch by heart, and decoding returns the boxes it was shown."""

from __future__ import annotations

import numpy as np
import torch

from models.outrack.decode import decode
from models.outrack.loss import build_task
from models.outrack.network import build_network
from pipeline.contract.clips import TrainingClip, to_float
from pipeline.numerics.boxes import iou
from tests.models.outrack.samples import MOVED, PEOPLE, batch, frame, learn, small_options
from tests.pipeline.tiny import settings_of


def test_one_batch_is_learnt_and_decoded() -> None:
    torch.manual_seed(0)
    options = small_options(loss={"partner_detection": True}, width=16, head_width=16)
    shown = batch([TrainingClip((frame(PEOPLE), frame(MOVED, seed=1)), video=True)], options)
    task = build_task(build_network(options), options, settings_of(), 0)
    history = learn(task, shown)
    assert history[-1]["detection"] < 0.1 * history[0]["detection"]
    # batch statistics: the running ones have not settled after so few steps
    with torch.no_grad():
        found = decode(task.network, task.network(to_float(shown.images.flatten(0, 1))), options)
    for seen, truth in zip(found, (PEOPLE, MOVED), strict=True):
        overlaps = iou(np.array(truth, np.float32), seen.boxes[seen.scores > 0.4])
        assert (overlaps.max(axis=1) > 0.7).all()
        assert len(seen.occlusion_centres) >= 1
