"""Masks as COCO's compressed run lengths: the `counts` text that MOTS files, COCO results and frame files hold.

Runs of 0 and 1 alternate down the columns of the image. pycocotools, the reference implementation, turns runs into text and compares
masks; masks of which a window is known are encoded from that window, without touching the rest of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def encode_mask(mask: NDArray[Any]) -> str:
    """The run lengths of an (H, W) mask (bool or 0 and 1)."""
    return encode_window(mask, 0, 0, mask.shape[0], mask.shape[1])


def encode_window(pixels: NDArray[Any], left: int, top: int, height: int, width: int) -> str:
    """The run lengths of a mask that is empty outside a window.

    Args:
        pixels: (h, w) bool or 0 and 1, the window, wholly inside the image.
        left: column of the image where the window begins.
        top: row of the image where the window begins.
        height: of the image, pixels.
        width: of the image, pixels.
    """
    rows, columns = pixels.shape
    assert 0 <= top <= height - rows, "the window leaves the image"
    assert 0 <= left <= width - columns, "the window leaves the image"
    down = np.zeros(columns * (rows + 1) + 1, np.uint8)  # a 0 before all, and one below each column, which ends its runs
    if pixels.size:
        down[1:].reshape(columns, rows + 1)[:, :rows] = cv2.transpose(pixels.astype(np.uint8, copy=False))  # much faster than NumPy's
    change = np.flatnonzero(down[1:] != down[:-1])  # where runs of 1 start and end, by turns
    edges = change + change // (rows + 1) * (height - rows - 1) + (left * height + top)
    if rows == height:  # a run that goes on at the top of the next column is one
        edges = edges[_different(edges)]
    ends = np.empty(len(edges) + 2, np.int64)  # of all runs, after a 0
    ends[0], ends[1:-1], ends[-1] = 0, edges, height * width
    counts = ends[1:] - ends[:-1]
    if len(counts) > 1 and counts[-1] == 0:  # COCO writes no empty run at the end
        counts = counts[:-1]
    found = _coco().frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)["counts"]
    return found.decode("ascii") if isinstance(found, bytes) else str(found)


def decode_mask(counts: str, height: int, width: int) -> Mask:
    """The (H, W) bool mask of run lengths.

    Raises:
        ValueError: the text is no run lengths of such an image.
    """
    try:
        return np.asarray(_coco().decode(_record(counts, height, width)), np.bool_)
    except ValueError as error:
        raise ValueError(f"the mask is not in COCO's run lengths of {width}x{height} pixels ({error})") from None


def mask_iou(masks: Sequence[str], others: Sequence[str], height: int, width: int) -> NDArray[np.float64]:
    """(N, M) intersection over union of two lists of run lengths of one image."""
    if not len(masks) or not len(others):
        return np.zeros((len(masks), len(others)))
    first, second = ([_record(counts, height, width) for counts in found] for found in (masks, others))
    return np.asarray(_coco().iou(first, second, [0] * len(second)), np.float64)


def mask_shares(masks: Sequence[str], regions: Sequence[str], height: int, width: int) -> NDArray[np.float64]:
    """(N, M) share of each mask that lies inside each region, both run lengths of one image."""
    if not len(masks) or not len(regions):
        return np.zeros((len(masks), len(regions)))
    first, second = ([_record(counts, height, width) for counts in found] for found in (masks, regions))
    return np.asarray(_coco().iou(first, second, [1] * len(second)), np.float64)


def mask_areas(masks: Sequence[str], height: int, width: int) -> NDArray[np.int64]:
    """(N,) pixels of each mask."""
    return np.asarray(_coco().area([_record(counts, height, width) for counts in masks]), np.int64).reshape(-1)


def _different(edges: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which ascending edges are no pair of an end and a start at the same place."""
    same = np.zeros(len(edges), np.bool_)
    equal = edges[1:] == edges[:-1]
    same[1:] |= equal
    same[:-1] |= equal
    return ~same


def _record(counts: str, height: int, width: int) -> dict[str, Any]:
    return {"size": [height, width], "counts": counts.encode("ascii")}


def _coco() -> Any:
    """pycocotools' mask module, imported when it is first needed."""
    from pycocotools import mask

    return mask
