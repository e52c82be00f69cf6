"""Pose tracking as PoseTrack scores it (Andriluka et al. 2018): CLEAR and identity scores of each kind of joint.

Joints of a prediction are compared with those of one person: the one whose joints it hits most. A joint is hit within .5 of the size of
the head, which is .6 of its box's diagonal. All frames count; the released code leaves out the last one of each sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.clear import Clear, clear
from pipeline.scoring.clear import combined as all_clear
from pipeline.scoring.identity import identity
from pipeline.scoring.pairing import FramePairs, pair

HEAD, REACH = 0.6, 0.5
Integers = NDArray[np.int64]
Numbers = NDArray[np.floating]


class PoseFrame(NamedTuple):
    """One frame.

    Attributes:
        truth: (N,) identities.
        truth_points: (N, P, 2) x and y in pixels, NaN where a joint is not annotated.
        head_sizes: (N,) diagonals of the heads' boxes in pixels.
        results: (M,) identities.
        result_points: (M, P, 2), NaN where not predicted.
    """

    truth: Integers
    truth_points: Numbers
    head_sizes: Numbers
    results: Integers
    result_points: Numbers


class PoseScores(NamedTuple):
    """Scores of all sequences together, for each of P kinds of joint.

    Attributes:
        mota: (P,) percent, of each joint's counts over all sequences.
        idf1: (P,) percent, means over sequences.
        switches: (P,) identity switches.
    """

    mota: NDArray[np.float64]
    idf1: NDArray[np.float64]
    switches: Integers

    @property
    def totals(self) -> dict[str, float]:
        """MOTA and IDF1 as means over joints, switches as their sum."""
        return {"MOTA": float(self.mota.mean()), "IDF1": float(self.idf1.mean()), "IDSW": float(self.switches.sum())}


def score(sequences: Sequence[Sequence[PoseFrame]], joints: int) -> PoseScores:
    """All sequences together; at least one.

    Args:
        sequences: frames of each.
        joints: P.
    """
    counts: list[list[Clear]] = [[] for _ in range(joints)]
    found = np.zeros((len(sequences), joints))
    for row, frames in enumerate(sequences):
        distances = [_distances(frame) for frame in frames]
        for joint in range(joints):
            seen = pair([_of_joint(frame, distance[..., joint], joint) for frame, distance in zip(frames, distances, strict=True)])
            counts[joint].append(clear(seen))
            found[row, joint] = identity(seen).scores["IDF1"]
    merged = [all_clear(parts) for parts in counts]
    mota = np.array([part.mota for part in merged])
    return PoseScores(mota, found.mean(0), np.array([part.switches for part in merged], np.int64))


def _distances(frame: PoseFrame) -> NDArray[np.float64]:
    """(N, M, P) distances in units of the reach, infinite for joints of anybody but the person whom a prediction hits most."""
    reach = REACH * HEAD * np.asarray(frame.head_sizes, np.float64)
    away = np.linalg.norm(frame.truth_points[:, None] - frame.result_points[None], axis=3)
    away = np.nan_to_num(away / np.maximum(reach, np.finfo(np.float64).tiny)[:, None, None], nan=np.inf)
    hits = (away <= 1).sum(2)
    if len(frame.truth):
        mine = np.zeros(hits.shape, np.bool_)
        mine[hits.argmax(0), np.arange(len(frame.results))] = True
        away[~mine] = np.inf
    return np.asarray(away)


def _of_joint(frame: PoseFrame, distance: NDArray[np.float64], joint: int) -> FramePairs:
    """The persons and predictions that have this joint; alike from .5 at the reach to 1."""
    there, here = (np.isfinite(points[:, joint]).all(1) for points in (frame.truth_points, frame.result_points))
    distance = distance[there][:, here]
    similarity = np.where(distance <= 1, 1 - distance.clip(0, 1) / 2, 0.0)
    return FramePairs(frame.truth[there], frame.results[here], similarity)
