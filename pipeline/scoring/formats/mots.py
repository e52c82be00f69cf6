"""MOTS: masks of pedestrians in MOTSChallenge's text, scored as TrackEval's MOTSChallenge does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files.mot_text import MotRows
from pipeline.files.run_lengths import mask_iou
from pipeline.params.classes import PEDESTRIANS
from pipeline.scoring import clear
from pipeline.scoring.by_class import by_class
from pipeline.scoring.formats.scored import Row, Scored, by_sequence, paired
from pipeline.scoring.rules import BY_CLASS
from pipeline.scoring.sequences import Rows, ScoredSequence
from pipeline.scoring.similarities import MaskOverlap
from pipeline.scoring.tracking import Measured, TrackingMetrics, measure, together
from pipeline.sources.categories import CROWD, PEDESTRIAN
from pipeline.sources.mots import read_mots

SHOWN = ("HOTA", "DetA", "AssA", "IDF1", "MOTSA", "sMOTSA", "MOTSP", "IDSW", "FP", "FN")


def score_files(truth: Path, results: Path) -> Scored:
    """Score pedestrians' masks.

    Args:
        truth: <truth>/<sequence>/gt/gt.txt or <truth>/<sequence>.txt; class 10 is what is ignored.
        results: <results>/<sequence>.txt.

    Raises:
        UserError: a file is missing or a line cannot be used, masks of a frame overlap, or images differ in size (file:line).
    """
    there, found = by_sequence(truth, "gt/gt.txt", ".txt"), by_sequence(results, None, ".txt")
    wanted = f"{truth}/<sequence>/gt/gt.txt or {truth}/<sequence>.txt"
    remarks = paired(there, found, (truth, results), wanted)
    measured = {name: _measure(name, path, found[name]) for name, path in there.items()}
    scores = together(measured)
    whole = clear.combined([part.clear for part in measured.values()])
    rows = {name: _row(scores.sequences[name], part.clear) for name, part in measured.items()}
    return Scored(_row(scores.combined, whole), rows, remarks)


def _measure(name: str, truth: Path, results: Path) -> Measured:
    """Everything known of one sequence; ground truth decides the images' size, results where it has no mask."""
    one, other = read_mots(truth, None), read_mots(results, None)
    if one.drawn and other.drawn and one.drawn != other.drawn:
        raise UserError(
            f"{results}:{other.line[0]}: the mask is drawn on {other.drawn[0]}x{other.drawn[1]} pixels, those of {truth} on "
            f"{one.drawn[0]}x{one.drawn[1]}\nnext: give masks at the size of the images"
        )
    width, height = one.drawn or other.drawn or (1, 1)
    for path, rows in ((truth, one), (results, other)):
        _refuse_overlap(path, rows, height, width)
    frames = np.arange(1, max(int(one.frame.max(initial=0)), int(other.frame.max(initial=0))) + 1, dtype=np.int64)
    pedestrians = _rows(other).take(other.class_id == PEDESTRIAN)
    (part,) = by_class(ScoredSequence(name, frames, _rows(one), pedestrians), PEDESTRIANS).values()
    return measure(part, BY_CLASS, MaskOverlap(height, width))


def _refuse_overlap(path: Path, rows: MotRows, height: int, width: int) -> None:
    assert rows.mask is not None
    for frame in np.unique(rows.frame):
        here = np.flatnonzero((rows.frame == frame) & (rows.class_id != CROWD))
        masks = rows.mask[here].tolist()
        shared = np.triu(mask_iou(masks, masks, height, width) > 0, 1)
        if shared.any():
            first, second = (rows.line[here[place]] for place in np.argwhere(shared)[0])
            raise UserError(
                f"{path}:{second}: the mask overlaps that of line {first}\nnext: give each pixel of a frame to one object, as MOTS wants it"
            )


def _rows(found: MotRows) -> Rows:
    left_top, right_bottom = found.boxes[:, :2].astype(np.float64), found.boxes[:, 2:].astype(np.float64)
    return Rows(
        frame=found.frame.astype(np.int64),
        identity=found.identity.astype(np.int64),
        boxes=np.concatenate([left_top, right_bottom - left_top], 1),
        confidence=np.ones(len(found.frame)),
        class_id=found.class_id.astype(np.int64),
        ignore=found.class_id == CROWD,
        shapes=found.mask,
    )


def _row(metrics: TrackingMetrics, counts: clear.Clear) -> Row:
    values = metrics._asdict() | {"MOTSA": metrics.MOTA, "MOTSP": metrics.MOTP, "sMOTSA": 100 * counts.soft}
    return {name: values[name] for name in SHOWN}
