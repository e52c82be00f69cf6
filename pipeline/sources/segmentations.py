"""Masks as COCO's JSON has them, brought to compressed run lengths: as such, as plain lists of runs, or as polygons."""

from __future__ import annotations

from typing import Any

from pipeline.sources import mots


def counts_of(segmentation: Any, height: int, width: int) -> str:
    """The compressed run lengths of a mask of an image.

    Args:
        segmentation: {"size": [height, width], "counts": text or list of runs}, or a list of polygons [x, y, x, y, ...].
        height: of the image, pixels.
        width: of the image, pixels.

    Raises:
        ValueError: it is neither, of another size, or far outside the image.
    """
    from pycocotools import mask

    if not (0 < height <= mots.LARGEST_SIDE and 0 < width <= mots.LARGEST_SIDE):
        raise ValueError(f"no image has {width}x{height} pixels")
    if isinstance(segmentation, dict):
        size, counts = segmentation.get("size"), segmentation.get("counts")
        if not isinstance(size, list) or size != [height, width]:
            raise ValueError(f"a mask of size {size!r:.40} in a video of {[height, width]} (height, width)")
        if isinstance(counts, str):
            runs = mots.runs(counts)  # pycocotools believes any text
            if (runs < 0).any() or int(runs.sum()) != height * width:
                raise ValueError(f"the mask's runs do not fill {width}x{height} pixels")
            return counts
        if not isinstance(counts, list) or not all(type(run) is int and run >= 0 for run in counts) or sum(counts) != height * width:
            raise ValueError(f"the mask's runs do not fill {width}x{height} pixels")
        found = mask.frPyObjects(segmentation, height, width)
    elif _polygons(segmentation):
        found = mask.merge(mask.frPyObjects(segmentation, height, width))
    else:
        raise ValueError(f"a mask must be run lengths or polygons of at least three points within {mots.LARGEST_SIDE} pixels")
    text = found["counts"]
    return text.decode("ascii") if isinstance(text, bytes) else str(text)


def _polygons(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    shaped = all(isinstance(part, list) and len(part) >= 6 and len(part) % 2 == 0 for part in value)
    return shaped and all(type(item) in (int, float) and abs(item) <= mots.LARGEST_SIDE for part in value for item in part)
