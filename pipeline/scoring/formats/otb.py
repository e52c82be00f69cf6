"""Single-object tracking: OTB's text, scored by success and precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files.otb_text import read_otb
from pipeline.scoring.formats.scored import Row, Scored, by_sequence, paired
from pipeline.scoring.single_object import Success, mean, score

TRUTH = "groundtruth_rect.txt"


def score_files(truth: Path, results: Path) -> Scored:
    """Score boxes that are followed from the first frame on.

    Args:
        truth: <truth>/<video>/groundtruth_rect.txt or <truth>/<video>.txt; a frame with a value that is not positive cannot be won.
        results: <results>/<video>.txt, one box per frame.

    Raises:
        UserError: a file is missing, a line is not four numbers, there are fewer or more boxes than frames, or the first true box has
            no area.
    """
    there, found = by_sequence(truth, TRUTH, ".txt"), by_sequence(results, None, ".txt")
    remarks = paired(there, found, (truth, results), f"{truth}/<video>/{TRUTH} or {truth}/<video>.txt")
    videos = {name: _score(path, found[name]) for name, path in there.items()}
    return Scored(_row(mean(list(videos.values()))), {name: _row(video) for name, video in videos.items()}, remarks)


def _score(truth: Path, results: Path) -> Success:
    there, found = read_otb(truth), read_otb(results)
    if not (there[0, 2:] > 0).all():
        raise UserError(f"{truth}:1: the box to follow has no area\nnext: begin with a frame in which the object is seen")
    if len(there) != len(found):
        raise UserError(f"{results}: {len(found)} boxes for {len(there)} frames of {truth}\nnext: write one box per frame")
    return score(there, np.nan_to_num(found, nan=0.0))


def _row(found: Success) -> Row:
    return {"AUC": 100 * found.auc, "precision": 100 * found.precision, "mean IoU": 100 * found.overlap}
