"""TrackEval on arrays in memory: its preprocessing and its metrics, without the text files that it reads otherwise."""

from __future__ import annotations

import contextlib
import functools
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import trackeval
from numpy.typing import NDArray
from trackeval.eval import eval_sequence

from pipeline.scoring.sequences import Rows, ScoredSequence

UNKNOWN = -1
CLASS, TRACKER, NOBODY = "pedestrian", "tracker", "nobody"


class _Arrays(trackeval.datasets.MotChallenge2DBox):  # type: ignore[misc]
    """MOTChallenge's rules; a sequence is given as itself where TrackEval expects a name."""

    def _load_raw_file(self, tracker: str, seq: ScoredSequence, is_gt: bool) -> dict[str, Any]:
        """One side of a sequence, a list entry a frame, as TrackEval's own reader gives it."""
        rows, count = (seq.truth, len(seq.truth.frame)) if is_gt else (seq.results, len(seq.results.frame))
        side = "gt" if is_gt else "tracker"
        named = {
            f"{side}_ids": from_one(rows.identity),
            f"{side}_dets": rows.boxes,
            f"{side}_classes": rows.class_id if is_gt else np.full(count, UNKNOWN, np.int64),
        }
        if is_gt:
            flags = ((rows.confidence != 0) & ~rows.ignore).astype(np.int64)
            parts = _by_frame(seq.frames, rows, named | {"flags": flags})
            parts["gt_extras"] = [{"zero_marked": flag} for flag in parts.pop("flags")]
            parts["gt_crowd_ignore_regions"] = [np.empty((0, 4))] * len(seq.frames)
        else:
            parts = _by_frame(seq.frames, rows, named | {"tracker_confidences": rows.confidence})
        return {**parts, "num_timesteps": len(seq.frames), "seq": seq.name}


def evaluate(sequences: Sequence[ScoredSequence], benchmark: str, preprocess: bool) -> dict[str, Any]:
    """TrackEval's metrics by their names, for each sequence and for `COMBINED_SEQ`.

    Args:
        sequences: of different names.
        benchmark: TrackEval's name of the rules.
        preprocess: whether classes and distractors count.
    """
    rules, metrics = _rules(benchmark, preprocess), _metrics()
    found: dict[str, Any] = {}
    for sequence in sorted(sequences, key=lambda item: item.name):
        found[sequence.name] = eval_sequence(sequence, rules, TRACKER, [CLASS], list(metrics.values()), list(metrics))[CLASS]
    together = {name: metric.combine_sequences({key: item[name] for key, item in found.items()}) for name, metric in metrics.items()}
    return {**found, "COMBINED_SEQ": together}


def from_one(identities: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number identities from 1, since TrackEval sizes an array by the largest; each unknown one gets a number of its own."""
    known = identities != UNKNOWN
    values, inverse = np.unique(identities[known], return_inverse=True)
    numbers = np.zeros(len(identities), np.int64)
    numbers[known] = inverse + 1
    numbers[~known] = len(values) + 1 + np.arange(int((~known).sum()))
    return numbers


def _by_frame(frames: NDArray[np.int64], rows: Rows, columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Each column as a list of one array a frame, rows in their order."""
    inside = np.flatnonzero(np.isin(rows.frame, frames))
    order = inside[np.argsort(rows.frame[inside], kind="stable")]
    bounds = np.searchsorted(rows.frame[order], frames, side="right")[:-1]
    return {name: np.split(column[order], bounds) if len(frames) else [] for name, column in columns.items()}


@functools.cache
def _rules(benchmark: str, preprocess: bool) -> _Arrays:
    """The rules, which want to see files when they are made."""
    with tempfile.TemporaryDirectory(prefix="throughline-score-") as folder:
        truth, results = Path(folder) / "gt", Path(folder) / "results"
        for path in (truth / NOBODY / "gt" / "gt.txt", results / TRACKER / "data" / f"{NOBODY}.txt"):
            path.parent.mkdir(parents=True)
            path.touch()
        return _Arrays(
            {
                "GT_FOLDER": str(truth),
                "TRACKERS_FOLDER": str(results),
                "TRACKERS_TO_EVAL": [TRACKER],
                "SEQ_INFO": {NOBODY: 1},
                "SKIP_SPLIT_FOL": True,
                "BENCHMARK": benchmark,
                "DO_PREPROC": preprocess,
                "PRINT_CONFIG": False,
            }
        )


@functools.cache
def _metrics() -> dict[str, Any]:
    threshold = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        metrics = trackeval.metrics
        return {
            "HOTA": metrics.HOTA(),
            "CLEAR": metrics.CLEAR(threshold),
            "Identity": metrics.Identity(threshold),
            "Count": metrics.Count(),
        }
