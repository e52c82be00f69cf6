"""A tiny network learns where people were from one pair, and looks back from frame to frame when it tracks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from models.centertrack.loss import build_task
from models.centertrack.network import build_network
from models.centertrack.spec import SPEC
from pipeline.contract.clips import TrainingClip, to_float
from pipeline.contract.detections import Detections
from pipeline.numerics.boxes import centres
from pipeline.tracking.detector import Detector, Picture, Stopwatch, detect, track
from tests.models.centertrack.samples import batch, small_options
from tests.models.outrack.samples import MOVED, PEOPLE, frame, learn
from tests.pipeline.tiny import settings_of


def test_one_pair_is_learnt_with_its_displacements() -> None:
    torch.manual_seed(0)
    options = small_options(width=16, head_width=16)
    people = np.arange(2)  # the centre of the third would lie in the cell of the second's
    pair = replace(frame(PEOPLE[:2]), identities=people), replace(frame(MOVED[:2], seed=1), identities=people)
    shown = batch([TrainingClip(pair, video=True), TrainingClip(pair[::-1], video=True)], options)
    task = build_task(build_network(options), options, settings_of(), 2)
    history = learn(task, shown)
    assert history[-1]["detection"] < 0.1 * history[0]["detection"]
    assert history[-1]["displacement"] < 0.1
    # batch statistics: the running ones have not settled after so few steps
    memory = torch.cat([to_float(shown.images[:, 1]), shown.targets["prior"]], 1)
    with torch.no_grad():
        outputs = task.network(to_float(shown.images[:, 0]), memory)
    truth = [np.array(PEOPLE[:2], np.float32), np.array(MOVED[:2], np.float32)]
    for found, now, before in zip(
        SPEC.detection.describe(task.network, outputs, truth, [np.ones(2)] * 2, [np.zeros(2, np.int64)] * 2, options),
        truth,
        truth[::-1],
        strict=True,
    ):
        assert np.abs(found.displacements - (centres(before) - centres(now))).max() < 0.5  # pixels; they move by 2 and 4


def _detector() -> Detector:
    """Untrained weights under a threshold that lets their noise become objects."""
    torch.manual_seed(1)
    options = small_options(tracker={"detection_threshold": 0.1, "min_area": 0.0})
    return Detector(SPEC, options, build_network(options).eval(), 96, 64, torch.device("cpu"))


def _clip(seed: int) -> list[Picture]:
    boxes = np.array(PEOPLE, np.float32)
    return [Picture(number, frame(boxes + 2 * number, seed=seed).image, boxes) for number in (1, 2, 3, 5)]


def _same(one: Detections, other: Detections) -> bool:
    return all(np.array_equal(value, getattr(other, name)) for name, value in vars(one).items())


def test_the_second_frame_is_seen_in_the_light_of_the_first() -> None:
    detector, clip = _detector(), _clip(0)
    together = [seen.detections for seen in detect(clip, detector, 4, Stopwatch())]
    alone = [seen.detections for picture in clip for seen in detect([picture], detector, 4, Stopwatch())]
    assert _same(together[0], alone[0])
    assert not any(_same(*pair) for pair in zip(together[1:], alone[1:], strict=True))
    assert together[1].displacements.shape == (len(together[1].boxes), 2)


def test_the_size_of_batches_and_other_sequences_change_nothing() -> None:
    detector, clip = _detector(), _clip(0)
    first = [seen.detections for seen in detect(clip, detector, 1, Stopwatch())]
    list(detect(_clip(5), detector, 3, Stopwatch()))
    again = [seen.detections for seen in detect(clip, detector, 3, Stopwatch())]
    assert all(_same(*pair) for pair in zip(first, again, strict=True))


def test_a_clip_with_a_gap_is_tracked() -> None:
    found = list(track(_clip(0), _detector(), 2, 10.0, Stopwatch()))
    assert [item.picture.frame for item in found] == [1, 2, 3, 5]
    assert all(len(item.tracks.identities) == len(set(item.tracks.identities.tolist())) for item in found)
    assert all(item.embeddings.shape == (3, 0) for item in found)
