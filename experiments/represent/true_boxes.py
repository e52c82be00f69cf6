"""Multi-object tracking of true boxes, joined by appearance alone (Table 4 of UniTrack): only who is who can be wrong.

The boxes of a frame are shuffled before they are shown: in the order of a ground truth's identities, a tie would be decided rightly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from models.unitrack.box_looks import box_looks
from models.unitrack.network import STRIDE
from models.unitrack.observations import of_boxes
from models.unitrack.options import AssociationOptions
from models.unitrack.tracker import AssociationTracker
from pipeline.contract.tracks import Tracks
from pipeline.files.frames import Frame, frame_facts
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
    "GF and motion": AssociationOptions.model_validate(_ALL | {"similarity": "gf"}),
    "GPF and motion": AssociationOptions.model_validate(_ALL | {"similarity": "gpf"}),
    "CF and motion": AssociationOptions.model_validate(_ALL | {"similarity": "cf"}),
    "motion alone": AssociationOptions.model_validate(_ALL | {"similarity": "none"}),
}


class _Looks(NamedTuple):
    """The true boxes of one frame, shuffled: (N, 4) xyxy pixels, and the looks of regions and of centres, float16."""

    boxes: NDArray[np.float32]
    regions: NDArray[np.float16]
    centres: NDArray[np.float16]


class TrueBoxes:
    """One sequence; see `shown.Watcher`.

    Args:
        shown: with ground truth.
        seed: decides the order in which a frame's boxes are shown.
    """

    def __init__(self, shown: Shown, seed: int) -> None:
        self._truth, rate = from_frames(shown.frames, None, shown.span), float(frame_facts(shown.frames)["frame_rate"])
        self._trackers = {name: AssociationTracker(options, frame_rate=rate) for name, options in ROWS.items()}
        self._rows, self._seed = {name: ResultRows() for name in ROWS}, seed

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame."""
        boxes = scored(frame.objects).boxes
        boxes = boxes[np.random.default_rng((self._seed, frame.frame)).permutation(len(boxes))]
        given = torch.from_numpy(boxes)
        looks = _Looks(boxes, *(box_looks(features, given, STRIDE, centre=centre).numpy() for centre in (False, True)))
        for name, tracker in self._trackers.items():
            self._rows[name].add(frame.frame, _track(tracker, ROWS[name], looks))

    def result(self) -> dict[str, ScoredSequence]:
        """Ground truth and tracks of each way."""
        return {name: with_results(self._truth, rows.collect()) for name, rows in self._rows.items()}


def begin(shown: Shown, seed: int) -> TrueBoxes:
    """The watcher of one sequence; `seed` decides the order of boxes."""
    return TrueBoxes(shown, seed)


def summarise(found: list[dict[str, ScoredSequence]]) -> dict[str, dict[str, float]]:
    """The scores of each of `ROWS` over all sequences together."""
    return {name: score([sequence[name] for sequence in found], "none").combined._asdict() for name in ROWS}


def _track(tracker: AssociationTracker, options: AssociationOptions, frame: _Looks) -> Tracks:
    count = len(frame.boxes)
    looks = frame.centres if options.similarity == "cf" else frame.regions
    scores, classes = np.ones(count, np.float32), np.zeros(count, np.int64)
    joined = tracker.update(of_boxes(frame.boxes, scores, classes, looks, one_size=options.similarity == "gf"))
    return Tracks(joined.boxes, joined.identities, joined.scores, joined.detections)
