"""The benchmarks' rules.

| benchmark | rows with flag 0 | classes | a result on a distractor |
|---|---|---|---|
| MOT15 | not scored | every row is a pedestrian | false positive |
| MOT16, MOT17, DanceTrack | not scored | only class 1 is scored | removed (classes 2, 7, 8, 12) |
| MOT20 | not scored | only class 1 is scored | removed (classes 2, 6, 7, 8, 12) |
| none | not scored | every row is scored | false positive |
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.sequences import Rows

Benchmark = Literal["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none"]
BENCHMARKS: tuple[Benchmark, ...] = ("MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none")
WITHOUT_CLASSES = ("MOT15", "none")
PEDESTRIAN, HIGHEST_CLASS, NON_MOT_VEHICLE = 1, 13, 6
DISTRACTORS = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection


def scored_mask(truth: Rows, benchmark: Benchmark) -> NDArray[np.bool_]:
    """(N,) bool: ground truth rows that the benchmark scores; the others are neither object nor, on a detection, error."""
    scored: NDArray[np.bool_] = (truth.confidence != 0) & ~truth.ignore
    if benchmark not in WITHOUT_CLASSES:
        scored &= truth.class_id == PEDESTRIAN
    return scored


def distractors(benchmark: Benchmark) -> tuple[int, ...]:
    """Classes on which a result is no error."""
    if benchmark in WITHOUT_CLASSES:
        return ()
    return (*DISTRACTORS, NON_MOT_VEHICLE) if benchmark == "MOT20" else DISTRACTORS
