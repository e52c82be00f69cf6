"""Frame files of people on a plane whose depth is known, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.teachers.ground_plane import FOCAL, PERSON
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg

WIDTH, HEIGHT = 320, 180
HORIZON, SLOPE = 0.2, 0.6


def depth_at(row: float) -> float:
    """True metres to the ground at an image row (pixels)."""
    return FOCAL * WIDTH * PERSON / (SLOPE * (row - HORIZON * HEIGHT))


def people(rng: np.random.Generator, count: int, *, noise: float = 0.05) -> Objects:
    """People on the plane, none cut off, their heights off by `noise`."""
    feet = rng.uniform(0.45, 0.95, count) * HEIGHT
    heights = SLOPE * (feet - HORIZON * HEIGHT) * np.exp(rng.normal(0, noise, count))
    x = rng.uniform(30, WIDTH - 60, count)
    boxes = np.stack([x, feet - heights, x + heights * 0.4, feet], 1).astype(np.float32)
    return objects(boxes)


def objects(boxes: np.ndarray[Any, Any]) -> Objects:
    count = len(boxes)
    return Objects(
        boxes=np.asarray(boxes, np.float32).reshape(-1, 4),
        identities=np.arange(1, count + 1, dtype=np.int64),
        classes=np.ones(count, np.int32),
        visibilities=np.ones(count, np.float32),
        confidences=np.ones(count, np.float32),
        ignores=np.zeros(count, np.bool_),
    )


def write(path: Path, annotations: list[Objects], *, kind: str = "video", **facts: Any) -> Path:
    """A frame file with a plain image a frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stated = {"dataset": path.parent.name, "sequence": path.stem, "kind": kind, "frame_rate": None, "source": "gt/gt.txt"}
    with FrameWriter(path, stated | facts) as writer:
        for number, found in enumerate(annotations, 1):
            pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            image = encode_jpeg(pixels, 80)
            writer.write(Frame(path.parent.name, path.stem, number, 0.1 * number, WIDTH, HEIGHT, image, found))
    return path
