"""FineTrack: a step and a tracked frame beside their aims, part embeddings beside QDTrack's head, association beside OUTrack's.

Embeddings have the systems' own lengths, FineTrack's seven branches of 64 against OUTrack's 128.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch

from benchmarks import association, regions
from benchmarks.harness import Timed, Work, compare
from benchmarks.scenes import crowd
from models.finetrack.decode import decode
from models.finetrack.loss import FinetrackTask, build_task
from models.finetrack.network import build_network
from models.finetrack.options import OPTIONS, FinetrackOptions, FinetrackTraining
from models.finetrack.targets import make_targets, trim
from models.finetrack.tracker import build_tracker
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame, to_float
from pipeline.contract.detections import Detections
from pipeline.contract.spec import TrainingSettings
from pipeline.contract.tracks import Video
from pipeline.params import preset
from pipeline.params.file import validate
from pipeline.params.sections import Params
from pipeline.runtime.malloc import keep_freed_memory

PRESET = "finetrack_walkers"
WIDTH, HEIGHT, FRAMES, PEOPLE = 448, 256, 8, 8  # frames of a step, people in each
SHOWN = 12  # people whom a frame of the preset's videos shows
BOXES, SIZES = 100, {20: 150, 60: 100, 150: 60}
STEP_AIM, FRAME_AIM = 0.6, 0.03  # seconds
EMBEDDING_AIM, ASSOCIATION_AIM = 1 / 1.5, 1 / 1.3  # the peer's time over ours


def measure() -> Iterator[Timed]:
    """A training step, a tracked frame, the part embeddings of many boxes, and association at several sizes."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training process does
    yield stepping()
    yield looking(SHOWN, FRAME_AIM)
    yield looking(BOXES, None)
    yield embedding()
    for people, frames in SIZES.items():
        seen = crowd(people, frames, dimensions=(options().network.parts + 1) * options().network.part_size)
        mine = [Detections(item.boxes, item.scores, item.embeddings) for item in seen]
        peer = {"OUTrack's": association._ours(crowd(people, frames))}
        what = f"FineTrack's association, {people} objects"
        yield compare(what, "frame", frames, tracking(mine), peer, aim=ASSOCIATION_AIM, clock=time.process_time)


def stepping() -> Timed:
    """Forward and backward pass of two runs of four frames, all heads and losses, in bfloat16."""
    task, shown = small_task(), batch()

    def step() -> None:
        task.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            losses = task(shown)
        losses.total.backward()

    what = f"FineTrack's step, {FRAMES} frames of {WIDTH}x{HEIGHT}, {FRAMES * PEOPLE} people"
    timed = compare(what, "step", 1, step, rounds=5, clock=time.process_time)
    return Timed(timed.what, timed.unit, timed.ours, {"what it may take": STEP_AIM}, None, 1.0, timed.spread)


def looking(people: int, aim: float | None) -> Timed:
    """A tracked frame: network, peaks, part embeddings of `people` boxes, association; `aim` in seconds."""
    task, images = small_task(), to_float(batch().images[0, :1])
    best = options().model_copy(update={"tracker": options().tracker.model_copy(update={"top_k": people})})
    network, tracker = task.network.eval(), build_tracker(best, Video(15.0, WIDTH, HEIGHT))

    def frame() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            outputs = network(images)
        tracker.update(decode(network, outputs, best)[0])

    what = f"FineTrack, a tracked frame of {WIDTH}x{HEIGHT}, {people} boxes"
    timed = compare(what, "frame", 1, frame, rounds=11, clock=time.process_time)
    if aim is None:
        return timed
    return Timed(timed.what, timed.unit, timed.ours, {"what it may take": aim}, None, 1.0, timed.spread)


def embedding() -> Timed:
    """Part embeddings of boxes from maps that are ready: reading cells, masks, vectors.

    The peer reads cells of four levels, and has four convolutions and one fully connected layer.
    """
    ours, theirs = small_task().network.eval(), regions.small_task().network.eval()
    boxes, first = regions.some_boxes(BOXES), torch.zeros(BOXES, dtype=torch.int64)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        images = to_float(batch().images[0, :1])
        maps, pyramid = ours(images).features, theirs(images)

    def parts() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            ours.look_at(maps, boxes, first)

    def head() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            theirs.embeddings_at(pyramid, boxes, first)

    what = f"part embeddings of {BOXES} boxes"
    return compare(what, "frame", 1, parts, {"QDTrack's 4conv-1fc head": head}, aim=EMBEDDING_AIM, rounds=11, clock=time.process_time)


@cache
def whole_preset() -> Params:
    """The light preset."""
    return validate(Params, preset.values(PRESET), where=PRESET)


@cache
def options() -> FinetrackOptions:
    """The model's options of the light preset: 6 parts of 64 dimensions."""
    return OPTIONS.model_validate({key: value for key, value in preset.values(PRESET)["model"].items() if key != "name"})


def small_task() -> FinetrackTask:
    """The light network with its losses, random weights."""
    torch.manual_seed(0)
    settings = TrainingSettings(whole_preset().finetune, FinetrackTraining(id_weight=1.0))
    task: FinetrackTask = build_task(build_network(options()), options(), settings, FRAMES * PEOPLE)
    return task.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def batch() -> Batch:
    """Two runs of noise, whose people move a little from frame to frame."""
    random = np.random.default_rng(0)
    clips = []
    for run in range(2):
        corners = random.uniform([0, 0], [WIDTH - 40, HEIGHT - 100], (PEOPLE, 2))
        boxes = np.concatenate([corners, corners + random.uniform([20, 50], [40, 100], (PEOPLE, 2))], axis=1).astype(np.float32)
        for number in range(FRAMES // 2):
            image = random.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
            people = PEOPLE * run + np.arange(PEOPLE)
            shown = TrainingFrame(image, boxes + np.float32(3 * number), people, np.zeros(PEOPLE, np.bool_))
            clips.append(TrainingClip((shown,), video=True))
    images = torch.from_numpy(np.stack([np.stack([frame.image for frame in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, options()) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([each[name] for each in made])) for name in made[0]}
    return Batch(images, trim(targets), torch.ones(len(clips), dtype=torch.bool))


def tracking(seen: list[Detections]) -> Work:
    """Work that takes a fresh tracker through all frames."""

    def work() -> None:
        tracker = build_tracker(options(), Video(association.RATE, association.SIZE, association.SIZE))
        for item in seen:
            tracker.update(item)

    return work
