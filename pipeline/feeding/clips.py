"""Which rows make a training sample: the row itself, its partner in time, or, now and then, a frame of another scene.

Every draw is a function of (seed, epoch, sample). Identities are looked at only where a system asks for pairs with a common one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.clips import Samples
from pipeline.feeding.groups import Groups

_PARTNER = 2  # last word of the random seeds drawn here


class Rows(Protocol):
    """Where each row of a sample set comes from; all arrays have one entry per row."""

    @property
    def dataset(self) -> NDArray[Any]:
        """(rows,) name or code of the data set."""

    @property
    def sequence(self) -> NDArray[Any]:
        """(rows,) name or code of the sequence within the data set."""

    @property
    def frame(self) -> NDArray[Any]:
        """(rows,) frame number, from 1."""

    @property
    def video(self) -> NDArray[Any]:
        """(rows,) bool, False for stills, each of which is a scene of its own."""


@dataclass(frozen=True)
class ClipPlan:
    """What to read for one training sample.

    Attributes:
        rows: row numbers; the current frame first in a pair, time order in a clip.
        same_scene: False when the partner shows another scene.
        video: whether the rows come from a video.
        repeated: for each row, whether it repeats the last one because the sequence has no more.
        first: number of the sample with which the views are drawn: itself, or the first of its group.
        place: in that group.
    """

    rows: tuple[int, ...]
    same_scene: bool
    video: bool
    repeated: tuple[bool, ...]
    first: int
    place: int = 0


class ClipPlanner:
    """Draws the rows of each sample.

    A pair's partner is drawn uniformly from the frames within `steps[1]` on either side in the same sequence; a still (or a frame without
    neighbours) is its own partner, augmented once more. With probability r / (1 + r), r = `negatives_per_pair`, the partner instead shows
    another scene of the same data set: a frame of another sequence, or another still (OUTrack's negative pairs, N_neg / N_pos = r);
    a data set of one scene has none. A clip runs forward with one step drawn for all its frames; `Samples.ends` says what happens where
    its sequence ends. In groups, a sample is one frame of a run, and its number says which (`groups.Groups`).

    Args:
        rows: where each row comes from.
        samples: what a sample is.
        seed: of the run.
        identities: the identity numbers of a row's boxes, -1 unknown; only for `Samples.common_identity`.
        groups: the runs; only for `Samples.group` above 1.

    Raises:
        ValueError: `identities` or `groups` is missing.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        samples: Samples,
        seed: int,
        identities: Callable[[int], NDArray[np.int64]] | None = None,
        groups: Groups | None = None,
    ) -> None:
        if samples.common_identity and identities is None:
            raise ValueError("pairs with a common identity need identities: let `Training.needs` name them")
        if samples.group > 1 and groups is None:
            raise ValueError("samples in groups need the runs of the sample set")
        self.samples, self.seed, self.identities, self.groups = samples, seed, identities, groups
        self.negative_share = samples.negatives_per_pair / (1.0 + samples.negatives_per_pair)
        self.video = np.asarray(rows.video, bool)
        datasets, sequences = _codes(rows.dataset), _codes(rows.sequence)
        self.sorted = np.lexsort((rows.frame, sequences, datasets))
        self.place = np.argsort(self.sorted)
        self.frames = np.asarray(rows.frame, np.int64)[self.sorted]
        self.dataset_bounds = _bounds(datasets[self.sorted])
        self.sequence_bounds = _bounds(datasets[self.sorted] * (sequences.max() + 1) + sequences[self.sorted])

    def plan(self, epoch: int, sample: int) -> ClipPlan:
        """The rows of `sample` (a number that `epoch_order` or `group_order` gave) in `epoch` (from 0)."""
        if self.groups is not None:
            return self._of_group(self.groups, sample)
        row = sample % len(self.sorted)
        video = bool(self.video[row])
        random = np.random.default_rng([self.seed, epoch, sample, _PARTNER])
        if self.samples.kind == "still":
            return ClipPlan((row,), True, video, (False,), sample)
        if self.samples.kind == "clip":
            rows, repeated = self._clip(row, random) if video else ((row,) * self.samples.frames, (False,) * self.samples.frames)
            return ClipPlan(rows, True, video, repeated, sample)
        if random.random() < self.negative_share and (other := self._other_scene(row, video, random)) is not None:
            return ClipPlan((row, other), False, video, (False, False), sample)
        return ClipPlan((row, self._neighbour(row, random) if video else row), True, video, (False, False), sample)

    def _of_group(self, groups: Groups, sample: int) -> ClipPlan:
        run, place = divmod(sample % groups.rows.size, groups.frames)
        row = int(groups.rows[run, place])
        return ClipPlan((row,), True, bool(self.video[row]), (bool(groups.repeated[run, place]),), sample - place, place)

    def _neighbour(self, row: int, random: np.random.Generator) -> int:
        place = self.place[row]
        low, high = self._within(place, self.frames[place] - self.samples.steps[1], self.frames[place] + self.samples.steps[1])
        if high - low < 2:
            return row
        if self.identities is not None and self.samples.common_identity:
            known = self.identities(row)
            others = (int(self.sorted[at]) for at in range(low, high) if at != place)
            sharing = [other for other in others if np.isin(known[known >= 0], self.identities(other)).any()]
            if sharing:
                return sharing[int(random.integers(len(sharing)))]
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

    def _clip(self, row: int, random: np.random.Generator) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Rows of a clip that begins at a row or, shifted, before it; and which of them repeat the one before."""
        place, step = int(self.place[row]), int(random.integers(self.samples.steps[0], self.samples.steps[1] + 1))
        first, last = map(int, self.sequence_bounds[place])
        between = self.samples.frames - 1
        if self.samples.ends != "repeat" and between:
            fits_anywhere, fits_here = (last - 1 - first) // between, (last - 1 - place) // between
            step = max(min(step, fits_here), min(self.samples.steps[0], max(fits_anywhere, 1)))
            place = max(first, min(place, last - 1 - step * between))
        places = [min(place + step * number, last - 1) for number in range(self.samples.frames)]
        repeated = [False, *(after == before for before, after in pairwise(places))]
        return tuple(int(self.sorted[at]) for at in places), tuple(repeated)

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
