"""MOTS: a detector's masks joined to tracks (Tables 1, 2 and 6 of UniTrack), scored as MOTSChallenge does, of pedestrians.

Where masks of the detector overlap, a pixel belongs to the one of higher score, since the benchmark allows no overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from experiments.represent.ways import CENTRES, WAYS, Ways
from models.unitrack.observations import of_masks
from pipeline.files.frames import Frame, frame_facts
from pipeline.files.run_lengths import decode_mask, encode_mask, mask_iou
from pipeline.params.classes import PEDESTRIAN
from pipeline.scoring import clear, hota, identity
from pipeline.scoring.pairing import FramePairs, pair

ROWS = [*WAYS, *CENTRES]
DRAWN = "RSM"  # of `ROWS`
SURE = 0.3  # least score of a detection
Masks = NDArray[np.bool_]
Integers = NDArray[np.int64]
Measured = tuple[hota.Hota, clear.Clear, identity.Identity]


class Found(NamedTuple):
    """What a sequence adds.

    Attributes:
        measured: the counts of HOTA, CLEAR and Identity by row.
        tracks: of each frame, the identities by `DRAWN` and which of `detected` lies behind each.
    """

    measured: dict[str, Measured]
    tracks: list[tuple[Integers, Integers]]


class JoinedMasks:
    """One sequence; see `shown.Watcher`."""

    def __init__(self, rate: float) -> None:
        self._ways = Ways("mots", rate, centres=True)
        self._frames: dict[str, list[FramePairs]] = {name: [] for name in ROWS}
        self._tracks: list[tuple[Integers, Integers]] = []

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame."""
        masks, scores = detected(frame)
        given = features, torch.from_numpy(masks), scores, np.zeros(len(masks), np.int64)
        seen, centres = (of_masks(*given, task="mots", centre=centre) for centre in (False, True))
        identities, truth = _true(frame)
        similarity = mask_iou(truth, [encode_mask(mask) for mask in masks], frame.height, frame.width)
        ways = self._ways.update(seen, centres)
        for name, joined in ways.items():
            self._frames[name].append(FramePairs(identities, joined.identities, similarity[:, joined.detections]))
        self._tracks.append((ways[DRAWN].identities, ways[DRAWN].detections))

    def result(self) -> Found:
        """The counts of HOTA, CLEAR and Identity for each way, and the tracks of one."""
        compared = {name: pair(frames) for name, frames in self._frames.items()}
        measured = {name: (hota.hota(seen), clear.clear(seen), identity.identity(seen)) for name, seen in compared.items()}
        return Found(measured, self._tracks)


def begin(shown: Shown, seed: int) -> JoinedMasks:
    """The watcher of one sequence; nothing here is drawn by `seed`."""
    return JoinedMasks(float(frame_facts(shown.frames)["frame_rate"]))


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """The scores of each way, from counts summed over all sequences."""
    scores = {}
    for name in ROWS:
        hotas, clears, identities = zip(*(sequence.measured[name] for sequence in found), strict=True)
        whole = clear.combined(clears)
        scores[name] = {
            "IDF1": identity.combined(identities).scores["IDF1"], "HOTA": hota.combined(hotas).scores["HOTA"],
            "sMOTSA": 100 * whole.soft, "MOTSA": whole.mota, "IDSW": whole.switches,
        }  # fmt: skip
    return scores


def detected(frame: Frame) -> tuple[Masks, NDArray[np.float32]]:
    """(N, H, W) disjoint masks of the frame's detections, the surest first, and their scores."""
    counts = frame.public_masks if frame.public_masks is not None else np.full(len(frame.public_boxes), None, object)
    order = np.argsort(-frame.public_scores, kind="stable")
    chosen = [row for row in order.tolist() if counts[row] is not None and frame.public_scores[row] >= SURE]
    taken, masks = np.zeros((frame.height, frame.width), np.bool_), []
    for row in chosen:
        masks.append(decode_mask(counts[row], frame.height, frame.width) & ~taken)
        taken |= masks[-1]
    return (np.stack(masks) if masks else np.zeros((0, *taken.shape), np.bool_)), frame.public_scores[chosen]


def _true(frame: Frame) -> tuple[NDArray[np.int64], list[str]]:
    """The identities and the run lengths of the pedestrians that can be seen."""
    objects = frame.objects
    if objects.masks is None:
        return np.zeros(0, np.int64), []
    seen = np.array([counts is not None for counts in objects.masks], np.bool_)
    seen &= (objects.classes == PEDESTRIAN) & (objects.confidences > 0)
    return objects.identities[seen], objects.masks[seen].tolist()
