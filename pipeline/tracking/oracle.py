"""Association by the ground truth (`track.association: ground_truth`): what a tracker could reach at best with these detections.

The tracking oracle of QDTrack (its Table 10): each detection gets the identity of the object that it shows. The paper says no more; here
an object takes the detection of its class that overlaps it most, if by half or more, the best-scored detection choosing first. Detections
that show no object are not output, as no identity is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.artifacts.store import Place
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks
from pipeline.files import schema
from pipeline.files.frames import Objects, read_frames
from pipeline.files.observations import ObservedSequence
from pipeline.numerics.boxes import iou
from pipeline.params.classes import PEDESTRIANS
from pipeline.tracking.association import ResultRows
from pipeline.tracking.external_boxes import oracle, scored

MIN_OVERLAP = 0.5  # IoU
COLUMNS = ["frame", *(name for name, _ in schema.OBJECTS)]


def true_tracks(detections: Detections, truth: Objects, classes: Sequence[str] = PEDESTRIANS) -> Tracks:
    """Detections of one frame with the identities of the objects that they show.

    Args:
        detections: in picture pixels, best first.
        truth: the frame's objects that scoring counts.
        classes: names of what is tracked, in which detections count their classes.
    """
    given = oracle(truth, classes)
    overlaps = iou(detections.boxes, given.boxes) * (detections.classes[:, None] == given.kinds)
    rows, objects = [], []
    for row in range(len(overlaps) if len(truth) else 0):
        nearest = int(overlaps[row].argmax())
        if overlaps[row, nearest] >= MIN_OVERLAP:
            rows.append(row)
            objects.append(nearest)
            overlaps[:, nearest] = 0
    chosen = np.array(rows, np.int64)
    identities = truth.identities[np.array(objects, np.int64)]
    return Tracks(detections.boxes[chosen], identities, detections.scores[chosen], chosen, detections.classes[chosen])


def associate_by_truth(sequence: ObservedSequence, frames: Place) -> ResultRows:
    """`association.associate` by the ground truth.

    Args:
        sequence: what a network saw.
        frames: the sequence's file in data/frames.

    Raises:
        UserError: the frame file is missing, damaged or not a frame file.
    """
    truth = {item.frame: scored(item.objects, sequence.classes) for item in read_frames(frames, COLUMNS)}
    rows = ResultRows(sequence.classes)
    for item in sequence.frames:
        rows.add(item.frame, true_tracks(item.detections, truth[item.frame], sequence.classes))
    return rows
