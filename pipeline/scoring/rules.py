"""The rules of each benchmark: which ground truth is scored, and what a result on a distractor counts.

| benchmark | rows with flag 0 | classes | a result on a distractor |
|---|---|---|---|
| MOT15 | not scored | every row is a pedestrian | false positive |
| MOT16, MOT17, DanceTrack | not scored | only class 1 is scored | removed (classes 2, 7, 8, 12) |
| MOT20 | not scored | only class 1 is scored | removed (classes 2, 6, 7, 8, 12) |
| none | not scored | every row is scored | false positive |
| classes | not scored | each tracked class by itself | false positive; in an ignored region, by more than half, removed |
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.params.classes import PEDESTRIAN, UNSCORED_PEOPLE
from pipeline.scoring.sequences import Rows

Benchmark = Literal["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none", "classes"]
BENCHMARKS: tuple[Benchmark, ...] = ("MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none", "classes")
WITHOUT_CLASSES = ("MOT15", "none")
BY_CLASS: Benchmark = "classes"  # scores classes one by one (`by_class`), so that its rules see one class at a time
NON_MOT_VEHICLE = 6


def scored_mask(truth: Rows, benchmark: Benchmark) -> NDArray[np.bool_]:
    """(N,) bool: ground truth rows that the benchmark scores.

    Missing one of the others is no error, and in detection AP neither is detecting one.
    """
    scored: NDArray[np.bool_] = (truth.confidence != 0) & ~truth.ignore
    if benchmark not in (*WITHOUT_CLASSES, BY_CLASS):
        scored &= truth.class_id == PEDESTRIAN
    return scored


def distractors(benchmark: Benchmark) -> tuple[int, ...]:
    """Numbers of the distractor classes: a result that is matched to a box of one of them is removed instead of counted as false."""
    if benchmark in (*WITHOUT_CLASSES, BY_CLASS):
        return ()
    return (*UNSCORED_PEOPLE, NON_MOT_VEHICLE) if benchmark == "MOT20" else UNSCORED_PEOPLE
