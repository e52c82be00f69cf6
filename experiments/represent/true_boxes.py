"""Multi-object tracking of true boxes, joined by appearance alone (Table 4 of UniTrack): only who is who can be wrong.

The boxes of a frame are shuffled before they are shown: in the order of a ground truth's identities, a tie would be decided rightly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.unitrack.box_looks import box_looks
from models.unitrack.network import STRIDE, Representation
from models.unitrack.observations import of_boxes
from models.unitrack.options import AssociationOptions
from models.unitrack.point_vectors import clean
from models.unitrack.tracker import AssociationTracker
from pipeline.artifacts.store import Place
from pipeline.contract.clips import to_float
from pipeline.contract.tracks import Tracks
from pipeline.files.frames import decode_jpeg, frame_facts, read_frames
from pipeline.scoring.sequences import ScoredSequence, from_frames, with_results
from pipeline.scoring.tracking import score
from pipeline.tracking.association import ResultRows
from pipeline.tracking.external_boxes import scored

# Every box is shown and output, so that identities alone are scored.
_ALL = {"confirm_at_once": True, "detection_threshold": 0.0, "least_area": 0.0, "widest": float("inf")}
ROWS: dict[str, AssociationOptions] = {
    "RSM": AssociationOptions.model_validate(_ALL | {"similarity": "rsm", "motion": "none"}),
    "GF": AssociationOptions.model_validate(_ALL | {"similarity": "gf", "motion": "none"}),
    "GPF": AssociationOptions.model_validate(_ALL | {"similarity": "gpf", "motion": "none"}),
    "CF": AssociationOptions.model_validate(_ALL | {"similarity": "cf", "motion": "none"}),
    "RSM and motion": AssociationOptions.model_validate(_ALL | {"similarity": "rsm"}),
    "motion alone": AssociationOptions.model_validate(_ALL | {"similarity": "none"}),
}


@dataclass(frozen=True)
class Shown:
    """Frames of one sequence to be tracked: its frame file, and the first and last frame."""

    frames: Place
    span: tuple[int, int]


class _Frame(NamedTuple):
    """The true boxes of one frame, shuffled: (N, 4) xyxy pixels, and the looks of regions and of centres, float16."""

    number: int
    boxes: NDArray[np.float32]
    regions: NDArray[np.float16]
    centres: NDArray[np.float16]


def judge(sequences: list[Shown], network: Representation, seed: int) -> dict[str, dict[str, float]]:
    """The scores of each of `ROWS` over all sequences together; a frame's map is computed once for all rows.

    Args:
        sequences: with ground truth.
        network: whose map is read.
        seed: of the order in which boxes are shown.

    Raises:
        UserError: a frame file cannot be read, or no sequence has ground truth.
    """
    found: dict[str, list[ScoredSequence]] = {name: [] for name in ROWS}
    for shown in sequences:
        truth, rate = from_frames(shown.frames, None, shown.span), float(frame_facts(shown.frames)["frame_rate"])
        trackers = {name: AssociationTracker(options, frame_rate=rate) for name, options in ROWS.items()}
        results = {name: ResultRows() for name in ROWS}
        for frame in _look(shown, network, seed):
            for name, tracker in trackers.items():
                results[name].add(frame.number, _track(tracker, ROWS[name], frame))
        for name, rows in results.items():
            found[name].append(with_results(truth, rows.collect()))
    return {name: score(joined, "none").combined._asdict() for name, joined in found.items()}


def _track(tracker: AssociationTracker, options: AssociationOptions, frame: _Frame) -> Tracks:
    count = len(frame.boxes)
    looks = frame.centres if options.similarity == "cf" else frame.regions
    scores, classes = np.ones(count, np.float32), np.zeros(count, np.int64)
    joined = tracker.update(of_boxes(frame.boxes, scores, classes, looks, one_size=options.similarity == "gf"))
    return Tracks(joined.boxes, joined.identities, joined.scores, joined.detections)


def _look(shown: Shown, network: Representation, seed: int) -> Iterator[_Frame]:
    """Each frame's boxes in an order that is a function of seed and frame."""
    first, last = shown.span
    for frame in read_frames(shown.frames):
        if first <= frame.frame <= last:
            boxes = scored(frame.objects).boxes
            boxes = boxes[np.random.default_rng((seed, frame.frame)).permutation(len(boxes))]
            image = decode_jpeg(frame.image, f"{shown.frames}: frame {frame.frame}")
            maps = network(to_float(torch.from_numpy(image).permute(2, 0, 1)[None])).features[0]
            features, given = clean(maps).features, torch.from_numpy(boxes)
            looks = (box_looks(features, given, STRIDE, centre=centre).numpy() for centre in (False, True))
            yield _Frame(frame.frame, boxes, *looks)
