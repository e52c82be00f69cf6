"""Which rows make a training sample: the row itself, its partner in time, or, now and then, a frame of another scene.

Every draw is a function of (seed, epoch, sample). No identity is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.clips import Samples

_PARTNER = 2  # last word of the random seeds drawn here


class Rows(Protocol):
    """Where each row of a sample set comes from; all arrays have one entry a row."""

    @property
    def dataset(self) -> NDArray[Any]:
        """Name or code of the data set."""

    @property
    def sequence(self) -> NDArray[Any]:
        """Name or code of the sequence within the data set."""

    @property
    def frame(self) -> NDArray[Any]:
        """Frame number, from 1."""

    @property
    def video(self) -> NDArray[Any]:
        """False for stills, each of which is a scene of its own."""


@dataclass(frozen=True)
class ClipPlan:
    """What to read for one training sample.

    Attributes:
        rows: row numbers; the current frame first in a pair, time order in a clip.
        same_scene: False when the partner shows another scene.
        video: whether the rows come from a video.
    """

    rows: tuple[int, ...]
    same_scene: bool
    video: bool


class ClipPlanner:
    """Draws the rows of each sample.

    A pair's partner lies uniformly within `steps` frames on either side in the same sequence; a still (or a frame without
    neighbours) is its own partner, augmented once more. With probability r / (1 + r), r = `negative_ratio`, the partner instead shows
    another scene of the same data set: a frame of another sequence, or another still (OUTrack's negative pairs, N_neg / N_pos = r);
    a data set of one scene has none. A clip runs forward in steps of `steps` frames, one step drawn a clip, and its last frame
    repeats where the sequence ends.

    Args:
        rows: where each row comes from.
        samples: what a sample is.
        seed: of the run.
    """

    def __init__(self, rows: Rows, *, samples: Samples, seed: int) -> None:
        self.samples, self.seed = samples, seed
        self.negative_share = samples.negative_ratio / (1.0 + samples.negative_ratio)
        self.video = np.asarray(rows.video, bool)
        datasets, sequences = _codes(rows.dataset), _codes(rows.sequence)
        self.sorted = np.lexsort((rows.frame, sequences, datasets))
        self.place = np.argsort(self.sorted)
        self.frames = np.asarray(rows.frame, np.int64)[self.sorted]
        self.dataset_bounds = _bounds(datasets[self.sorted])
        self.sequence_bounds = _bounds(datasets[self.sorted] * (sequences.max() + 1) + sequences[self.sorted])

    def plan(self, epoch: int, sample: int) -> ClipPlan:
        """The rows of `sample` (a number of `epoch_order`) in `epoch`."""
        row = sample % len(self.sorted)
        video = bool(self.video[row])
        random = np.random.default_rng([self.seed, epoch, sample, _PARTNER])
        if self.samples.kind == "still":
            return ClipPlan((row,), True, video)
        if self.samples.kind == "clip":
            return ClipPlan(self._clip(row, video, random), True, video)
        if random.random() < self.negative_share and (other := self._other_scene(row, video, random)) is not None:
            return ClipPlan((row, other), False, video)
        return ClipPlan((row, self._neighbour(row, random) if video else row), True, video)

    def _neighbour(self, row: int, random: np.random.Generator) -> int:
        place = self.place[row]
        low, high = self._within(place, self.frames[place] - self.samples.steps[1], self.frames[place] + self.samples.steps[1])
        if high - low < 2:
            return row
        drawn = low + int(random.integers(high - low - 1))
        return int(self.sorted[drawn + (drawn >= place)])

    def _other_scene(self, row: int, video: bool, random: np.random.Generator) -> int | None:
        """A row of the same data set outside this row's scene, uniformly; None when there is none."""
        place = self.place[row]
        first, last = self.dataset_bounds[place]
        scene_first, scene_last = self.sequence_bounds[place] if video else (place, place + 1)
        scene = scene_last - scene_first
        if last - first == scene:
            return None
        drawn = first + int(random.integers(last - first - scene))
        return int(self.sorted[drawn + (scene if drawn >= scene_first else 0)])

    def _clip(self, row: int, video: bool, random: np.random.Generator) -> tuple[int, ...]:
        if not video:
            return (row,) * self.samples.frames
        place, step = self.place[row], int(random.integers(self.samples.steps[0], self.samples.steps[1] + 1))
        wanted = self.frames[place] + step * np.arange(self.samples.frames)
        first, last = self.sequence_bounds[place]
        found = first + np.searchsorted(self.frames[first:last], wanted, side="right") - 1
        return tuple(int(self.sorted[at]) for at in found)

    def _within(self, place: int, first_frame: int, last_frame: int) -> tuple[int, int]:
        first, last = self.sequence_bounds[place]
        frames = self.frames[first:last]
        low, high = np.searchsorted(frames, first_frame), np.searchsorted(frames, last_frame, side="right")
        return int(first + low), int(first + high)


def _codes(names: NDArray[Any]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _bounds(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N, 2): where each entry's run of equal codes starts and ends."""
    starts = np.flatnonzero(np.r_[True, np.diff(codes) != 0])
    stops = np.r_[starts[1:], len(codes)]
    return np.repeat(np.stack([starts, stops], axis=1), stops - starts, axis=0)
