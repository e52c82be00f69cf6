"""Video object segmentation: the masks of a sequence's first frame handed on by the map (Tables 1 and 2 of UniTrack), scored as DAVIS does.

Everybody who has a mask in the first frame is followed; `still` repeats that mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from models.unitrack.mask_propagation import MaskPropagation, Masks
from models.unitrack.options import PropagationOptions
from pipeline.errors import UserError
from pipeline.files.frames import Frame
from pipeline.files.run_lengths import decode_mask, encode_mask
from pipeline.scoring.segmentation import Quality, mean, score

ROWS: dict[str, PropagationOptions | None] = {"propagation": PropagationOptions(), "still": None}
DRAWN = "propagation"  # of `ROWS`
Mask = NDArray[np.bool_]


class Found(NamedTuple):
    """What a sequence adds.

    Attributes:
        quality: by row, of each object that was followed.
        masks: by identity, the run lengths of `DRAWN` in each frame.
    """

    quality: dict[str, list[Quality]]
    masks: dict[int, list[str]]


class FollowedMasks:
    """One sequence; see `shown.Watcher`. The maps of all frames lie in the memory of the heads only, six at most."""

    def __init__(self) -> None:
        self._heads: dict[str, MaskPropagation] = {}
        self._first: dict[int, Mask] | None = None
        self._truth: dict[int, list[Mask]] = {}
        self._results: dict[str, dict[int, list[Mask]]] = {name: {} for name in ROWS}

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame.

        Raises:
            UserError: masks overlap.
        """
        there = masks_of(frame)
        given = None
        if self._first is None:
            self._first, given = there, Masks(tuple(there), torch.from_numpy(_stacked(there, frame)))
            size = frame.height, frame.width
            self._heads = {name: MaskPropagation(size, options) for name, options in ROWS.items() if options is not None}
        nothing = np.zeros((frame.height, frame.width), np.bool_)
        for identity, first in self._first.items():
            self._truth.setdefault(identity, []).append(there.get(identity, nothing))
            for name in ROWS.keys() - self._heads.keys():
                self._results[name].setdefault(identity, []).append(first)
        for name, head in self._heads.items() if self._first else ():
            found = _updated(head, features, given, frame)
            for identity, mask in zip(found.identities, found.masks.cpu().numpy(), strict=True):
                self._results[name].setdefault(identity, []).append(mask)

    def result(self) -> Found:
        """The quality of each object that was followed, and its masks."""
        quality = {name: list(score(self._truth, found).values()) for name, found in self._results.items()}
        return Found(quality, {identity: [encode_mask(mask) for mask in masks] for identity, masks in self._results[DRAWN].items()})


def begin(shown: Shown, seed: int) -> FollowedMasks:
    """The watcher of one sequence; nothing here is drawn by `seed`."""
    return FollowedMasks()


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """Means over all objects of all sequences, in percent."""
    scores = {}
    for name in ROWS:
        objects = [quality for sequence in found for quality in sequence.quality[name]]
        whole = mean(objects)
        scores[name] = {
            "J": 100 * whole.j_mean, "J recall": 100 * whole.j_recall, "F": 100 * whole.f_mean, "J&F": 100 * whole.j_and_f,
            "objects": len(objects),
        }  # fmt: skip
    return scores


def masks_of(frame: Frame) -> dict[int, Mask]:
    """The masks of a frame's objects by identity, those that are scored."""
    objects = frame.objects
    rows = [] if objects.masks is None else zip(objects.identities.tolist(), objects.masks, objects.confidences, strict=True)
    return {identity: decode_mask(counts, frame.height, frame.width) for identity, counts, flag in rows if counts is not None and flag > 0}


def _stacked(masks: dict[int, Mask], frame: Frame) -> Mask:
    return np.stack(list(masks.values())) if masks else np.zeros((0, frame.height, frame.width), np.bool_)


def _updated(head: MaskPropagation, features: Tensor, given: Masks | None, frame: Frame) -> Masks:
    try:
        return head.update(features, given)
    except ValueError as error:
        raise UserError(f"{frame.dataset}/{frame.sequence}: frame {frame.frame}: {error}\nnext: mend the masks of this frame") from None
