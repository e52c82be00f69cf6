"""The interface between the labelling job and what labels depth: the protocol of a backend, and the labels that it gives.

A backend labels one frame file at a time. Its maps grow with distance and are comparable within a sequence; 0 is unknown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place


class FrameDepth(NamedTuple):
    """The label of one frame.

    Attributes:
        depth: (h, w) float32 map, 0 unknown.
        objects: (N,) float32, depth of each of the frame's boxes, 0 unknown.
        scale: depth of one 16-bit code.
    """

    depth: NDArray[np.float32]
    objects: NDArray[np.float32]
    scale: float


class Clock:
    """Adds up the time that a network computes.

    Attributes:
        seconds: wall time so far; 0 for backends without a network.
        batch: frames in its last pass; 0 without a network.
    """

    def __init__(self) -> None:
        self.seconds, self.batch = 0.0, 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the block."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start


@dataclass(frozen=True)
class Labels:
    """The labels of one frame file.

    Attributes:
        frames: one label per row of the file, in its order; read once.
        facts: what the backend says about the sequence (deterministic, plain data).
        ending: the same, complete only when all frames were read.
        clock: of the network.
    """

    frames: Iterator[FrameDepth]
    facts: dict[str, Any] = field(default_factory=dict)
    ending: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)


class DepthBackend(Protocol):
    """Labels frame files; picklable, so that Ray's processes get it, and `label` may run in two threads of one."""

    def label(self, frames: Place) -> Labels:
        """Label every row of a frame file.

        Raises:
            UserError: the backend cannot label this file.
        """
        ...

    def pictures(self, frames: Place) -> list[Place]:
        """Files that the labels of a frame file are made from besides it; those of all frame files (a model) are not among them.

        Raises:
            UserError: they cannot be found.
        """
        ...

    def check(self) -> dict[str, str]:
        """Check that the backend can work, before any work starts; returns texts to be attached to the run, by file name.

        Raises:
            UserError: the backend cannot work.
        """
        ...


def object_depths(depth: NDArray[np.float32], boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Depth of each box: the median of what is known in the middle half of its visible part.

    Args:
        depth: (h, w) float32 map, 0 unknown.
        boxes: (N, 4) float32, xyxy pixels of the frame.
        width: of the frame, pixels.
        height: of the frame, pixels.

    Returns:
        (N,) float32, 0 where the box shows no known depth.
    """
    rows, columns = depth.shape
    limits = np.array([width, height, width, height], np.float32)
    clipped = np.clip(boxes, 0, limits) * (np.array([columns, rows, columns, rows], np.float32) / limits)
    found = np.zeros(len(boxes), np.float32)
    for index, (x1, y1, x2, y2) in enumerate(clipped):
        left, right = _middle(x1, x2, columns)
        top, bottom = _middle(y1, y2, rows)
        inside = depth[top:bottom, left:right]
        known = inside[inside > 0]
        if known.size and x2 > x1 and y2 > y1:
            found[index] = np.median(known)
    return found


def _middle(low: float, high: float, size: int) -> tuple[int, int]:
    """The middle half of an interval as whole pixels, at least one."""
    first = min(int(low + (high - low) / 4), size - 1)
    return first, max(first + 1, min(round(high - (high - low) / 4), size))
