"""Sequences with masks and joints that representations are judged on, drawn here: scenes of many people, and close-ups of a few.

They lie under artifacts/represent/drawn and are a function of `base.seed` and of this code; nothing of the pipeline's data is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from experiments.represent.shown import Shown
from pipeline.artifacts import code
from pipeline.artifacts.store import write_text
from pipeline.files.frames import Frame, FrameWriter
from pipeline.files.schema import Extras
from pipeline.params.file import digest
from pipeline.params.sections.data import RenderWalkers
from pipeline.walkers import close_ups, labels
from pipeline.walkers.detector import detect
from pipeline.walkers.frame_rows import detections, frame_row, people, with_things
from pipeline.walkers.joints import NAMES
from pipeline.walkers.render import render
from pipeline.walkers.scene import sample_sequence
from pipeline.walkers.shape_detector import detect_masks, detect_poses
from pipeline.walkers.tasks import is_moving

FOLDER = "artifacts/represent/drawn"
SECTION = RenderWalkers(
    sequences=3, frames=60, frame_rate=15.0, width=640, height=360, people=7, occluders=4, moving_camera=0.34,
    stills_train=0, stills_val=0, jpeg_quality=95, masks=True, joints=True,
)  # fmt: skip
CLOSE_UPS, CLOSE_FRAMES = 6, 30
FILE = "experiments/represent/drawn.py"
Draw = Callable[[], Iterator[Frame]]


def scenes(root: Path, seed: int, limit: int | None = None) -> list[Shown]:
    """Sequences of several people, some of them behind others, with true masks and joints and those of an imitated detector.

    Args:
        root: the repository; sequences are drawn where their files are missing or out of date.
        seed: `base.seed`.
        limit: largest number of sequences; None: all.
    """
    count = min(SECTION.sequences, limit or SECTION.sequences)
    return [_kept(root, f"scene-{number:02d}", seed, partial(_scene, seed, number)) for number in range(1, count + 1)]


def closes(root: Path, seed: int, limit: int | None = None) -> list[Shown]:
    """Close-ups (`walkers.close_ups`) with true masks and joints; arguments as those of `scenes`."""
    count = min(CLOSE_UPS, limit or CLOSE_UPS)
    return [_kept(root, f"close-up-{number:02d}", seed, partial(_close, seed, number)) for number in range(1, count + 1)]


def key(seed: int) -> str:
    """Digest of all that the drawn sequences depend on: seed, options and code."""
    return digest(seed, SECTION.model_dump(), CLOSE_UPS, CLOSE_FRAMES, code.digest((FILE,), code.ROOT))


def _kept(root: Path, name: str, seed: int, draw: Draw) -> Shown:
    """The file of a sequence, which is drawn anew where seed or code have changed; the key is written last."""
    path, wanted = root / FOLDER / f"{name}.parquet", key(seed)
    stamp = path.with_suffix(".key")
    if not (path.is_file() and stamp.is_file() and stamp.read_text() == wanted):
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        _write(path, name, draw)
        write_text(stamp, wanted)
    return Shown(path, (1, SECTION.frames if name.startswith("scene") else CLOSE_FRAMES))


def _write(path: Path, name: str, draw: Draw) -> None:
    facts = {
        "dataset": "drawn", "sequence": name, "kind": "video", "frame_rate": SECTION.frame_rate, "width": SECTION.width,
        "height": SECTION.height, "ground_truth": True, "detections": name.startswith("scene"), "source": name,
    }  # fmt: skip
    found = name.startswith("scene")
    extras = Extras(True, len(NAMES), found, found, len(NAMES) if found else 0)
    with FrameWriter(path, facts, extras=extras) as writer:
        for frame in draw():
            writer.write(frame)


def _scene(seed: int, number: int) -> Iterator[Frame]:
    name = f"scene-{number:02d}"
    scene = sample_sequence(SECTION, seed, f"represent/{name}", moving=is_moving(number, SECTION.moving_camera))
    rng = np.random.default_rng([*scene.seed, 2])
    size, kinds = (SECTION.height, SECTION.width), [thing.kind for thing in scene.occluders]
    for index, drawn in enumerate(render(scene, joints=True, things=True)):
        there = labels.kept(drawn.labels)
        found = detect(rng, there, scene.cameras[index])
        masks, poses = detect_masks(rng, there, found, *size), detect_poses(rng, there, found)
        everything = with_things(people(there, *size), kinds, drawn.things, *size)
        row = frame_row(("drawn", name), index + 1, SECTION.frame_rate, drawn.image, everything)
        yield replace(row, **detections(found, masks, poses, *size))


def _close(seed: int, number: int) -> Iterator[Frame]:
    name = f"close-up-{number:02d}"
    for index, close in enumerate(close_ups.close_up(SECTION, seed, name, CLOSE_FRAMES)):
        there = people(close.labels, close_ups.HEIGHT, close_ups.WIDTH)
        yield frame_row(("drawn", name), index + 1, SECTION.frame_rate, close.image, there)
