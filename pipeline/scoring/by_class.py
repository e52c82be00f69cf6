"""The benchmark `classes`: pairs match within a class; classes are then added up, and averaged, as TrackEval does both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.params.classes import class_numbers
from pipeline.scoring.sequences import ScoredSequence


def by_class(sequence: ScoredSequence, classes: Sequence[str]) -> dict[str, ScoredSequence]:
    """A sequence's part of each class: its objects and results, and all ignored regions.

    Where one class is tracked, results state none, and all of them are of that class.

    Args:
        sequence: ground truth and results of all classes.
        classes: names of what is tracked.
    """
    truth, results = sequence.truth, sequence.results
    parts = {}
    for name, number in zip(classes, class_numbers(classes).tolist(), strict=True):
        found = results if len(classes) == 1 else results.take(results.class_id == number)
        parts[name] = replace(sequence, truth=truth.take((truth.class_id == number) | truth.ignore), results=found)
    return parts


def present(sequence: ScoredSequence) -> set[int]:
    """The numbers of the classes that ground truth scores."""
    return set(np.unique(sequence.truth.class_id[(sequence.truth.confidence != 0) & ~sequence.truth.ignore]).tolist())
