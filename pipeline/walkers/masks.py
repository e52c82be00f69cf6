"""Masks of people as MOTS text: `frame id class height width mask`, separated by blanks, masks in COCO's compressed run lengths."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.files.run_lengths import encode_window
from pipeline.params.classes import PEDESTRIAN
from pipeline.walkers.detector import Found
from pipeline.walkers.render import Labels, Seen

MOTS_PEDESTRIAN = 2  # MOTS' own number; other classes have the numbers of `pipeline.params.classes`


def true_masks(frames: list[Labels], height: int, width: int) -> str:
    """gt/mots.txt: what is seen of each person that gt.txt lists, under the identity of gt.txt; who is hidden has no line."""
    return "".join(
        line
        for frame, labels in enumerate(frames, start=1)
        for line in _lines(frame, labels.identities, labels.classes, labels.masks, height, width)
    )


def found_masks(frames: list[Found], masks: list[list[Seen | None]], height: int, width: int) -> str:
    """det/mots.txt: the mask of each line of det.txt that has one; `id` counts the frame's lines of det.txt from 1."""
    return "".join(
        line
        for frame, (found, shown) in enumerate(zip(frames, masks, strict=True), start=1)
        for line in _lines(frame, np.arange(1, len(shown) + 1), found.classes, shown, height, width)
    )


def _lines(
    frame: int, identities: NDArray[np.int64], classes: NDArray[np.int64], masks: Iterable[Seen | None], height: int, width: int
) -> Iterable[str]:
    for identity, kind, mask in zip(identities.tolist(), classes.tolist(), masks, strict=True):
        if mask is not None and mask.pixels.any():
            counts = encode_window(mask.pixels, mask.left, mask.top, height, width)
            yield f"{frame} {identity} {MOTS_PEDESTRIAN if kind == PEDESTRIAN else kind} {height} {width} {counts}\n"
