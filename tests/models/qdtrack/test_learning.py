"""A tiny network learns one batch by heart: boxes are found, and the same person looks alike in both frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.association.bisoftmax import cosine
from models.qdtrack.decode import decode, describe
from models.qdtrack.loss import build_task
from models.qdtrack.network import build_network
from pipeline.contract.clips import TrainingClip, to_float
from pipeline.numerics.boxes import iou
from tests.models.outrack.samples import frame
from tests.models.qdtrack.samples import batch, small_options
from tests.pipeline.tiny import settings_of

SQUARES = [[8, 10, 24, 50], [40, 12, 58, 60], [70, 8, 90, 40]]
MOVED = [[10, 10, 26, 50], [44, 12, 62, 60], [68, 12, 88, 44]]
STEPS = 80


@pytest.mark.slow
def test_one_batch_is_learnt_decoded_and_recognised() -> None:
    torch.manual_seed(0)
    options = small_options(width=16, box_width=64, pyramid=32)
    shown = batch([TrainingClip((frame(SQUARES), frame(MOVED, seed=1)), video=True)], options)
    task = build_task(build_network(options), options, settings_of(), 0)
    optimiser = torch.optim.Adam(task.parameters(), lr=3e-3, foreach=True)
    history = []
    for _ in range(STEPS):
        losses = task(shown)
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        history.append({name: value.item() for name, value in losses.terms.items()})
    assert history[-1]["detection"] < 0.4 * history[0]["detection"]
    assert history[-1]["reid"] < 0.3 * history[0]["reid"]
    # batch statistics: the running ones have not settled after so few steps
    with torch.no_grad():
        outputs = task.network(to_float(shown.images.flatten(0, 1)))
    for seen, truth in zip(decode(task.network, outputs, options), (SQUARES, MOVED), strict=True):
        overlaps = iou(np.array(truth, np.float32), seen.boxes[seen.scores > 0.5])
        assert (overlaps.max(axis=1, initial=0) > 0.6).all()
    given = [np.array(boxes, np.float32) for boxes in (SQUARES, MOVED)]
    first, second = describe(task.network, outputs, given, [np.ones(3, np.float32)] * 2, [np.zeros(3, np.int64)] * 2, options)
    alike = cosine(first.embeddings, second.embeddings)
    assert (alike.argmax(axis=1) == np.arange(3)).all()
    assert np.diag(alike).min() > 0.7
