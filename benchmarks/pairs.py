"""A training pair of two MOT17 frames, from bytes to targets, on one core: decode, colour, warp, boxes, depth, heat maps, occlusions.

The peer in the same run takes the same steps in the order of the released loaders: 1080p images are decoded whole, coloured in floats, made
smaller, padded and warped; its targets are ours. The limit decodes the two stored images and does nothing with them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import Timed, Work, compare
from benchmarks.samples import mot17_mini, read_options, read_preset, read_sequences, write_samples
from models import load
from models.outrack.options import OutrackOptions
from models.outrack.targets import make_targets
from pipeline.contract.clips import TrainingClip, TrainingFrame
from pipeline.feeding import augment
from pipeline.feeding.loader import _VIEW, SAMPLES, ClipDataset, build_feed
from pipeline.files.frames import Frame, decode_jpeg
from pipeline.packing.samples import ignored
from pipeline.params.classes import PEDESTRIAN
from pipeline.runtime.malloc import keep_freed_memory

RELEASED = 70e-3  # seconds per pair of the released OUTrack loader, measured on a similar core
AIM = 70 / 12


def measure() -> Iterator[Timed]:
    """A line without and one with the depth head's targets."""
    cv2.setNumThreads(0)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        samples, frames = Path(folder), list(read_sequences(mot17_mini() / "train"))
        write_samples(samples / SAMPLES["finetune"], read_preset("mot17"), frames)
        for depth in (False, True):
            yield _line(samples, frames, depth)


def full_size(frames: list[Frame], sample: int, dataset: ClipDataset, options: OutrackOptions) -> tuple[Any, Any]:
    """The released order of steps for the pair that `dataset` makes of `sample`: images (2, H, W, 3) uint8, and targets."""
    feed, plan = dataset.feed, dataset.planner.plan(0, sample)
    random = np.random.default_rng([feed.seed, 0, sample, _VIEW])
    views = augment.draw_views(random, feed.settings.augment, 2, "perturbed" if plan.same_scene else "independent")
    shown = [_warped(_letterboxed(frames[row], view, feed.width, feed.height), view) for row, view in zip(plan.rows, views, strict=True)]
    return np.stack([frame.image for frame in shown]), make_targets(TrainingClip(tuple(shown), plan.same_scene), options)


def _line(samples: Path, frames: list[Frame], depth: bool) -> Timed:
    options = read_options("mot17")
    options = options.model_copy(update={"network": options.network.model_copy(update={"depth_head": depth})})
    dataset = ClipDataset(build_feed(read_preset("mot17"), options, load("outrack"), "finetune", samples))
    rows = range(len(frames))

    def ours() -> None:
        for sample in rows:
            dataset[0, sample]

    def whole() -> None:
        for sample in rows:
            full_size(frames, sample, dataset, options)

    name = "with depth" if depth else "the paper's targets"
    timed = compare(
        f"training pair 1088x608, {name}", "pair", len(frames), ours, {"decoded at 1080p": whole}, limit=_decoding(dataset, rows)
    )
    return replace(timed, peers={"OUTrack, released (stated)": RELEASED, **timed.peers}, aim=AIM)


def _decoding(dataset: ClipDataset, rows: range) -> Work:
    pairs = [[dataset.store.row(row).image for row in dataset.planner.plan(0, sample).rows] for sample in rows]

    def run() -> None:
        for pair in pairs:
            for image in pair:
                decode_jpeg(image, "")

    return run


def _letterboxed(frame: Frame, view: augment.View, width: int, height: int) -> TrainingFrame:
    """The frame decoded at full size, its colours changed in floats, then made smaller and padded to the input."""
    image = decode_jpeg(frame.image, frame.sequence)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    for channel, factor in ((1, view.saturation), (2, view.value)):
        hsv[..., channel] = (hsv[..., channel].astype(np.float32) * factor).clip(0, 255)
    scale = min(width / frame.width, height / frame.height)
    small = cv2.resize(
        cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), (round(frame.width * scale), round(frame.height * scale)), interpolation=cv2.INTER_AREA
    )
    left, top = (width - small.shape[1]) // 2, (height - small.shape[0]) // 2
    right, bottom = width - small.shape[1] - left, height - small.shape[0] - top
    padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(augment.BORDER,) * 3)
    keep = (frame.objects.classes == PEDESTRIAN) | ignored(frame)
    boxes = frame.objects.boxes[keep] * np.float32(scale) + np.array([left, top, left, top], np.float32)
    return TrainingFrame(np.asarray(padded, np.uint8), boxes, frame.objects.identities[keep], ignored(frame)[keep])


def _warped(frame: TrainingFrame, view: augment.View) -> TrainingFrame:
    height, width = frame.image.shape[:2]
    plain = replace(view, saturation=1.0, value=1.0)
    return augment.show(frame, plain, width=width, height=height, depth_stride=4)
