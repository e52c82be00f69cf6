"""Pose propagation: the joints of a sequence's first frame handed on by the map (Tables 1 and 2 of UniTrack), scored as JHMDB is.

Everybody who has joints in the first frame is followed; `still` repeats these. A joint counts wherever the ground truth knows it, hidden or
not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from models.unitrack.options import PropagationOptions
from models.unitrack.pose_propagation import PosePropagation
from pipeline.files.frames import Frame
from pipeline.scoring.pose_propagation import pck

ROWS: dict[str, PropagationOptions | None] = {"propagation": PropagationOptions(), "still": None}
THRESHOLDS = (0.1, 0.2)
DRAWN = "propagation"  # of `ROWS`
Points = NDArray[np.float32]  # (P, 2), NaN where not known


class Found(NamedTuple):
    """What a sequence adds.

    Attributes:
        correct: by row, PCK at each threshold of each person who was followed.
        joints: by identity, (F, P, 2) of `DRAWN`, NaN where one was lost; the first frame's are the true ones.
    """

    correct: dict[str, list[tuple[float, ...]]]
    joints: dict[int, Points]


class FollowedPoses:
    """One sequence; see `shown.Watcher`."""

    def __init__(self) -> None:
        self._heads: dict[str, PosePropagation] = {}
        self._first: dict[int, Points] | None = None
        self._truth: list[Points] = []
        self._results: dict[str, list[Points]] = {name: [] for name in ROWS}

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame."""
        there = poses_of(frame)
        if self._first is None:
            self._first = {identity: points for identity, points in there.items() if np.isfinite(points).any()}
            if self._first:
                given, size = torch.from_numpy(np.stack(list(self._first.values()))), (frame.height, frame.width)
                chosen = {name: options for name, options in ROWS.items() if options is not None}
                self._heads = {name: PosePropagation(given, features, size, options) for name, options in chosen.items()}
            return
        if not self._first:
            return
        self._truth.append(np.stack([there.get(identity, np.full_like(first, np.nan)) for identity, first in self._first.items()]))
        for name, found in self._results.items():
            found.append(self._heads[name].update(features).numpy() if name in self._heads else np.stack(list(self._first.values())))

    def result(self) -> Found:
        """PCK at each threshold of each person who was followed, and the joints."""
        if not self._truth or not self._first:
            return Found({name: [] for name in ROWS}, {})
        truth, count = np.stack(self._truth, 1), len(self._truth[0])
        places = {name: np.stack(found, 1) for name, found in self._results.items()}
        correct = {
            name: [tuple(pck(truth[person], found[person], at) for at in THRESHOLDS) for person in range(count)]
            for name, found in places.items()
        }
        drawn = zip(self._first.items(), places[DRAWN], strict=True)
        return Found(correct, {identity: np.concatenate([first[None], found]) for (identity, first), found in drawn})


def begin(shown: Shown, seed: int) -> FollowedPoses:
    """The watcher of one sequence; nothing here is drawn by `seed`."""
    return FollowedPoses()


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """Means over all people of all sequences, in percent; NaN without anybody."""
    scores = {}
    for name in ROWS:
        people = np.array([values for sequence in found for values in sequence.correct[name]]).reshape(-1, len(THRESHOLDS))
        people = people[np.isfinite(people).all(1)]
        means = 100 * people.mean(0) if len(people) else np.full(len(THRESHOLDS), np.nan)
        scores[name] = {f"PCK@{at:.1f}": float(value) for at, value in zip(THRESHOLDS, means, strict=True)} | {"people": len(people)}
    return scores


def poses_of(frame: Frame) -> dict[int, Points]:
    """The joints of a frame's scored objects by identity, NaN where one is not known."""
    objects = frame.objects
    if objects.keypoints is None:
        return {}
    points = objects.keypoints[..., :2].astype(np.float32)
    points[~objects.keypoints[..., :2].any(2)] = np.nan
    rows = zip(objects.identities.tolist(), points, objects.confidences, strict=True)
    return {identity: pose for identity, pose, flag in rows if flag > 0}
