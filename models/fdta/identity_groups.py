"""Random labellings of a clip's people, and what is hidden or mixed up of their past (MOTIP, Gao et al. 2025)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fdta.options import FdtaOptions

NOBODY = -1


def draw_groups(present: NDArray[np.bool_], options: FdtaOptions, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """`labels`, `past` and `answers` of all groups (models/fdta/targets.py).

    Args:
        present: (T, N) bool, who is seen when.
        options: the whole `model` section.
        random: of the clip.
    """
    groups = [_group(present, options, random) for _ in range(options.loss.groups)]
    return {name: np.stack([group[name] for group in groups]) for name in groups[0]}


def _group(present: NDArray[np.bool_], options: FdtaOptions, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    labels = draw_labels(np.asarray(present.any(0)), options.network.vocabulary, random)
    shown = present & (labels != NOBODY)
    shown &= ~hidden_spans(shown, options.loss.drop_probability, random)
    past = switched(shown, options.loss.switch_probability, random)
    return {"labels": labels, "past": past, "answers": expected_answers(labels, past, shown, options.network.vocabulary)}


def draw_labels(known: NDArray[np.bool_], vocabulary: int, random: np.random.Generator) -> NDArray[np.int64]:
    """A different label in [0, vocabulary) for each person (N,) that is known; -1 for others.

    Of more people than labels, a random choice gets one.
    """
    labels = np.full(len(known), NOBODY, np.int64)
    people = random.permutation(np.flatnonzero(known))[:vocabulary]
    labels[people] = random.permutation(vocabulary)[: len(people)]
    return labels


def hidden_spans(present: NDArray[np.bool_], probability: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """(T, N) bool: in which frames a trajectory is hidden.

    With `probability`, a trajectory is hidden in one span: it begins anywhere, and its length is uniform over what is left.
    """
    frames, people = present.shape
    hidden = np.zeros((frames, people), np.bool_)
    for person in np.flatnonzero(present.any(0)):
        if random.random() < probability:
            begin = int(random.integers(frames))
            hidden[begin : begin + math.ceil((frames - 1 - begin) * random.random()), person] = True
    return hidden


def switched(shown: NDArray[np.bool_], probability: float, random: np.random.Generator) -> NDArray[np.int64]:
    """(T, N) int64: whose observation stands for each person in the past; -1 where it is not shown.

    In each frame, each person that is shown is chosen with `probability`, and those chosen trade places among themselves.
    """
    past = np.where(shown, np.arange(shown.shape[1]), NOBODY)
    for frame, row in enumerate(shown):
        chosen = np.flatnonzero(row & (random.random(len(row)) < probability))
        past[frame, chosen] = random.permutation(chosen)
    return past


def expected_answers(labels: NDArray[np.int64], past: NDArray[np.int64], shown: NDArray[np.bool_], vocabulary: int) -> NDArray[np.int64]:
    """(T, N) int64: the label of each person that is shown; `vocabulary` (newborn) where its past is empty; -1 where it is not shown.

    Nothing is asked of the first frame, which has no past. Of a trajectory with label 7 that is seen in frames 2, 3 and 5 of 5, the
    answers are -1, newborn, 7, -1, 7.

    Args:
        labels: (N,) int64.
        past: (T, N) int64 from `switched`.
        shown: (T, N) bool.
        vocabulary: V.
    """
    seen_before = np.cumsum(past != NOBODY, axis=0) - (past != NOBODY) > 0
    answers = np.where(seen_before, labels, vocabulary)
    answers = np.where(shown, answers, NOBODY)
    answers[0] = NOBODY
    return answers
