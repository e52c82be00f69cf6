"""Video instance segmentation: classes gate the association, and a track's class and score come from its instances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Verdict(NamedTuple):
    """What a track is.

    Attributes:
        identities: (T,) int64, ascending.
        categories: (T,) int64: the class with the largest sum of scores; of equal ones the lowest number.
        scores: (T,) float64: that sum over all instances of the track, so that doubt between classes lowers it.
    """

    identities: NDArray[np.int64]
    categories: NDArray[np.int64]
    scores: NDArray[np.float64]


def judge(identities: NDArray[np.int64], categories: NDArray[np.int64], scores: NDArray[np.floating]) -> Verdict:
    """The class and the score of each track.

    Args:
        identities: (I,) of all instances of a video.
        categories: (I,) their classes.
        scores: (I,) their scores.
    """
    tracks, rows = np.unique(identities, return_inverse=True)
    classes, columns = np.unique(categories, return_inverse=True)
    votes = np.zeros((len(tracks), len(classes)))
    np.add.at(votes, (rows, columns), scores)
    if not len(tracks):
        return Verdict(tracks, np.zeros(0, np.int64), np.zeros(0))
    best = votes.argmax(1)
    return Verdict(tracks, classes[best], votes[np.arange(len(tracks)), best] / np.bincount(rows))
