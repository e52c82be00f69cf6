"""HOTA, CLEAR and Identity by TrackEval, with the rules of a benchmark.

| benchmark | rows with flag 0 | classes | a result on a distractor |
|---|---|---|---|
| MOT15 | not scored | every row is a pedestrian | false positive |
| MOT16, MOT17, DanceTrack | not scored | only class 1 is scored | removed (classes 2, 7, 8, 12) |
| MOT20 | not scored | only class 1 is scored | removed (classes 2, 6, 7, 8, 12) |
| none | not scored | every row is scored | false positive |

TrackEval gets arrays, not files: frames counted from 1 without gaps, identities from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.scoring.sequences import Rows, ScoredSequence

Benchmark = Literal["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none"]
BENCHMARKS: tuple[Benchmark, ...] = ("MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none")
WITHOUT_CLASSES = ("MOT15", "none")
PEDESTRIAN, HIGHEST_CLASS = 1, 13
UNKNOWN = -1


class TrackingMetrics(NamedTuple):
    """Scores of one sequence, or of all together (computed from summed counts, not averaged).

    Percent: HOTA, DetA, AssA, LocA (means over IoU thresholds 0.05 to 0.95), MOTA, MOTP (mean IoU of matches), IDF1, IDP, IDR.
    Counts: IDSW identity switches, FP false and FN missed boxes, MT and ML identities tracked in at least 80 % and less than 20 % of
    their frames, Frag interruptions, and what was compared: boxes and identities of ground truth and results after the
    benchmark's rules.
    """

    HOTA: float
    DetA: float
    AssA: float
    LocA: float
    MOTA: float
    MOTP: float
    IDF1: float
    IDP: float
    IDR: float
    IDSW: int
    FP: int
    FN: int
    MT: int
    ML: int
    Frag: int
    truth_boxes: int
    truth_identities: int
    result_boxes: int
    result_identities: int


class TrackingScores(NamedTuple):
    """`combined` over all sequences, and each `sequences[name]`."""

    combined: TrackingMetrics
    sequences: dict[str, TrackingMetrics]


def score(sequences: Sequence[ScoredSequence], benchmark: Benchmark) -> TrackingScores:
    """Score tracking results.

    A frame without results counts as missed, a sequence without rows as all missed; one without ground truth adds only false positives.

    Raises:
        UserError: there is no sequence or a name comes twice, a class is outside 1 to 13 where the benchmark looks at classes, or a
            scored ground truth box has no identity.
    """
    names = [sequence.name for sequence in sequences]
    if not names or len(set(names)) < len(names):
        raise UserError(f"scoring needs sequences with different names, got {names}")
    for sequence in sequences:
        _check(sequence, benchmark)
    from pipeline.scoring.arrays import evaluate  # importing TrackEval takes a while

    found = evaluate(sequences, "MOT17" if benchmark == "none" else benchmark, preprocess=benchmark != "none")
    return TrackingScores(_metrics(found["COMBINED_SEQ"]), {name: _metrics(found[name]) for name in names})


def scored_mask(truth: Rows, benchmark: Benchmark) -> NDArray[np.bool_]:
    """(N,) bool: ground truth rows that the benchmark scores; the others are neither object nor, on a detection, error."""
    scored: NDArray[np.bool_] = (truth.confidence != 0) & ~truth.ignore
    if benchmark not in WITHOUT_CLASSES:
        scored &= truth.class_id == PEDESTRIAN
    return scored


def _check(sequence: ScoredSequence, benchmark: Benchmark) -> None:
    truth = sequence.truth
    scored = scored_mask(truth, benchmark)
    nameless = np.flatnonzero(scored & (truth.identity == UNKNOWN))
    if len(nameless):
        raise UserError(
            f"{sequence.name}: ground truth of frame {truth.frame[nameless[0]]} has no identity ({len(nameless)} such boxes)\n"
            "next: tracking cannot be scored without identities; number the people, or set the flag (column 7) of these boxes to 0"
        )
    foreign = np.unique(truth.class_id[(truth.class_id < PEDESTRIAN) | (truth.class_id > HIGHEST_CLASS)])
    if benchmark not in WITHOUT_CLASSES and len(foreign):
        raise UserError(
            f"{sequence.name}: ground truth has classes {foreign.tolist()}, {benchmark} knows {PEDESTRIAN} to {HIGHEST_CLASS}\n"
            f"next: correct them, or score by a benchmark that looks at no classes: {', '.join(WITHOUT_CLASSES)}"
        )


def _metrics(found: Mapping[str, Mapping[str, Any]]) -> TrackingMetrics:
    hota, clear, identity, count = found["HOTA"], found["CLEAR"], found["Identity"], found["Count"]
    return TrackingMetrics(
        **{name: 100 * float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA", "LocA")},
        **{name: 100 * float(clear[name]) for name in ("MOTA", "MOTP")},
        **{name: 100 * float(identity[name]) for name in ("IDF1", "IDP", "IDR")},
        IDSW=int(clear["IDSW"]),
        FP=int(clear["CLR_FP"]),
        FN=int(clear["CLR_FN"]),
        MT=int(clear["MT"]),
        ML=int(clear["ML"]),
        Frag=int(clear["Frag"]),
        truth_boxes=int(count["GT_Dets"]),
        truth_identities=int(count["GT_IDs"]),
        result_boxes=int(count["Dets"]),
        result_identities=int(count["IDs"]),
    )
