"""A tiny network learns who is who, and the tracker tells it, newborns included."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.fdta.decode import decode
from models.fdta.loss import build_task
from models.fdta.network import FdtaNetwork, build_network
from models.fdta.options import FdtaOptions
from pipeline.contract.clips import to_float
from pipeline.numerics.boxes import iou
from tests.models.fdta.samples import batch, small_options, tracker, walk
from tests.pipeline.tiny import settings_of

FRAMES, STEPS = 3, 70
AWAY = {0: [2]}  # the third person comes later


@pytest.mark.slow
def test_people_are_detected_and_keep_their_identity() -> None:
    torch.manual_seed(0)
    loss = {"gradient_frames": FRAMES, "identity_from_epoch": 0, "groups": 8, "drop_probability": 0.3, "switch_probability": 0.3}
    small = {"width": 32, "encoder_layers": 0, "decoder_layers": 1, "num_queries": 8, "max_objects": 4, "depth_attention": "off"}
    options = small_options(loss=loss, backbone_width=16, frames=FRAMES, **small)
    task = build_task(build_network(options), options, settings_of(), 0)
    shown = [batch([walk(FRAMES, seed=seed, absent=AWAY if seed % 2 else {})], options) for seed in range(20)]
    optimiser = torch.optim.AdamW(task.parameters(), lr=4e-3)
    history = []
    for step in range(STEPS):
        losses = task(shown[step % len(shown)])
        optimiser.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimiser.step()
        history.append({name: value.item() for name, value in losses.terms.items()})
    first, last = (_means(history[part]) for part in (slice(0, 10), slice(-10, None)))
    assert last["detection"] < 0.2 * first["detection"]
    assert last["identity"] < 0.5 * first["identity"]
    assert last["known_right"] > 0.8 * last["known_asked"]
    _check_tracks(task.network, options)


def _check_tracks(network: FdtaNetwork, options: FdtaOptions) -> None:
    """Of a clip that was not learnt from; by batch statistics, as the running ones have not settled after so few steps."""
    clip = walk(FRAMES, seed=77, absent=AWAY)
    with torch.no_grad():
        found = decode(network, network.train()(to_float(batch([clip], options).images[0])), options)
    follower = tracker(options, network.eval().association)
    named: dict[int, set[int]] = {}
    for number, (frame, detections) in enumerate(zip(clip.frames, found, strict=True), 1):
        tracks = follower.step(number, detections, None)
        overlaps = iou(frame.boxes, tracks.boxes)
        assert len(tracks.boxes) == len(frame.boxes)
        assert (overlaps.max(1) > 0.7).all()
        for person, row in zip(frame.identities.tolist(), overlaps.argmax(1), strict=True):
            named.setdefault(person, set()).add(int(tracks.identities[row]))
    assert sorted(named) == [0, 1, 2]
    assert all(len(identities) == 1 for identities in named.values()), named
    assert len(set.union(*named.values())) == 3


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
