"""Who gets which label: MOTIP's three ways from probabilities to an assignment. Plain numpy.

Example, three labels and `newborn` (3), threshold .2, all labels alive:

    probabilities   .50 .30 .10 .10      object-max   0 3 3
                    .45 .40 .05 .10      id-max       0 1 3
                    .10 .05 .15 .70      hungarian    0 1 3
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.floating]
Labels = NDArray[np.int64]


def assign(protocol: str, probabilities: Floats, alive: NDArray[np.bool_], threshold: float) -> Labels:
    """The label of each object.

    Args:
        protocol: key of `PROTOCOLS`.
        probabilities: (M, V + 1), the last column "newborn".
        alive: (V,) bool, labels that a track has.
        threshold: least probability of a known label.

    Returns:
        (M,) int64, V for a newborn; no label below V twice.
    """
    if not len(probabilities):
        return np.zeros(0, np.int64)
    labels = PROTOCOLS[protocol](probabilities, threshold)
    newborn = probabilities.shape[1] - 1
    known = labels < newborn
    known[known] = alive[labels[known]]
    return np.where(known, labels, newborn)


def object_max(probabilities: Floats, threshold: float) -> Labels:
    """Each object takes its best label, unless another object has more of it, or an earlier one as much.

    With a probability below `threshold`, or without a label, it is newborn; arguments and result as those of `assign`.
    """
    newborn = probabilities.shape[1] - 1
    labels = probabilities.argmax(1)
    own = probabilities[np.arange(len(labels)), labels]
    first = probabilities.argmax(0)[labels] == np.arange(len(labels))  # ties: the first object
    return np.where(first & (own >= threshold), labels, newborn)


def id_max(probabilities: Floats, threshold: float) -> Labels:
    """Each label, newborn included, takes its best object; an object that several took keeps the one it has most of.

    With a probability below `threshold`, or taken by none, it is newborn; arguments and result as those of `assign`.
    """
    newborn = probabilities.shape[1] - 1
    takers = probabilities.argmax(0)
    labels = np.full(len(probabilities), newborn, np.int64)
    for row in np.unique(takers):
        chosen = np.flatnonzero(takers == row)
        best = chosen[probabilities[row, chosen].argmax()]
        if probabilities[row, best] >= threshold:
            labels[row] = best
    return labels


def hungarian(probabilities: Floats, threshold: float) -> Labels:
    """The assignment with the largest sum of probabilities; any number of objects can be newborn.

    With a probability below `threshold` an object is newborn; arguments and result as those of `assign`.
    """
    count, newborn = len(probabilities), probabilities.shape[1] - 1
    more = np.repeat(probabilities[:, newborn:], count - 1, axis=1)
    rows, columns = linear_sum_assignment(1 - np.concatenate([probabilities, more], 1))
    labels = np.full(count, newborn, np.int64)
    labels[rows] = np.minimum(columns, newborn)
    sure = probabilities[np.arange(count), labels] >= threshold
    return np.where(sure, labels, newborn)


PROTOCOLS: dict[str, Callable[[Floats, float], Labels]] = {"object-max": object_max, "id-max": id_max, "hungarian": hungarian}
