"""MOTS text (MOTSChallenge): `frame id class height width mask` separated by blanks, the mask in COCO's compressed run lengths.

A mask shows what is visible, so boxes here are those of the visible part. Classes are 1 car, 2 pedestrian, 10 region to
ignore, and from 14 on those of `pipeline.params.classes`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.mot_text import LARGEST, MotRows, is_mask_text
from pipeline.params.classes import LAST_OF_MOTCHALLENGE, NAMES
from pipeline.sources.categories import CAR, CROWD, PEDESTRIAN
from pipeline.sources.place import Place

CLASSES = {1: CAR, 2: PEDESTRIAN, 10: CROWD} | {number: number for number in NAMES if number > LAST_OF_MOTCHALLENGE}
LARGEST_SIDE = 1 << 16  # pixels
is_mots = is_mask_text


def read_mots(path: Place, defects: list[str] | None) -> MotRows:
    """Read a file.

    Args:
        path: the text file.
        defects: gets complaints about single lines, which are left out then. None: the first one is raised.

    Raises:
        UserError: the file is no text, or a line cannot be used (named as file:line).
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file ({error.reason})\nnext: expected lines of frame id class height width mask") from None
    found: dict[int, _Line] = {}
    seen: dict[tuple[int, int], int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(line.split())
            first = number if row.kind == CROWD else seen.setdefault((row.frame, row.identity), number)
            if first != number:
                raise ValueError(f"id {row.identity} is in frame {row.frame} twice (first in line {first})")
            size = next(iter(found.values()), row).size
            if row.size != size:
                raise ValueError(f"the mask is drawn on {row.size[0]}x{row.size[1]} pixels, those before on {size[0]}x{size[1]}")
            found[number] = row
        except ValueError as error:
            if defects is None:
                raise UserError(f"{path}:{number}: {error}\nnext: mend the line") from None
            defects.append(f"{path}:{number}: {error}")
    return _rows(found)


def mask_box(counts: str, height: int, width: int) -> list[int]:
    """left, top, right, bottom of a mask, the last two exclusive.

    Args:
        counts: COCO's compressed run lengths: runs of 0 and 1 by turns down the columns, each in groups of five bits (low ones first, 32
            marks that more follow, the last one's 16 the sign) above the character 0; from the fourth on a run is the difference to the
            one two before.
        height: of the image, pixels.
        width: of the image, pixels.

    Raises:
        ValueError: it is no such text, does not fill the image, or shows nothing.
    """
    lengths = runs(counts)
    ends = np.cumsum(lengths)
    if (lengths < 0).any() or len(lengths) == 0 or ends[-1] != height * width:
        raise ValueError(f"the mask's runs do not fill {width}x{height} pixels")
    start, end = ends[0::2][: len(lengths) // 2], ends[1::2]
    start, end = start[end > start], end[end > start]
    if len(start) == 0:
        raise ValueError("the mask is empty")
    left, right = start // height, (end - 1) // height
    whole = right > left  # such a run passes the image's lower border
    top = np.where(whole, 0, start % height)
    bottom = np.where(whole, height - 1, (end - 1) % height)
    return [int(left.min()), int(top.min()), int(right.max()) + 1, int(bottom.max()) + 1]


def runs(counts: str) -> NDArray[np.int64]:
    """(R,) int64 lengths of the runs of 0 and 1, by turns, from compressed run lengths.

    Raises:
        ValueError: it is no such text.
    """
    found: list[int] = []
    value = shift = 0
    for character in counts:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise ValueError("the mask is not in COCO's run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        value -= (1 << shift) if bits & 16 else 0
        found.append(value + found[-2] if len(found) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the mask is cut off")
    return np.array(found, np.int64)


class _Line(NamedTuple):
    """What a line says; `size` is the image's width and height."""

    frame: int
    identity: int
    kind: int
    box: list[int]
    mask: str
    size: tuple[int, int]


def _row(cells: list[str]) -> _Line:
    if len(cells) != 6:
        raise ValueError(f"{len(cells)} columns; allowed are 6, separated by blanks: frame id class height width mask")
    frame, identity, kind, height, width = (_whole(cell) for cell in cells[:5])
    if frame < 1:
        raise ValueError("frame (column 1) must be a whole number from 1")
    if kind not in CLASSES:
        raise ValueError(f"class (column 3) must be one of {', '.join(map(str, CLASSES))}")
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        raise ValueError("height and width (columns 4 and 5) must be above 0")
    return _Line(frame, identity, CLASSES[kind], mask_box(cells[5], height, width), cells[5], (width, height))


def _whole(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()) or len(cell) > 10 or int(cell) > LARGEST:
        raise ValueError(f"'{cell[:20]}' is not a whole number from 0 to {LARGEST}")
    return int(cell)


def _rows(found: dict[int, _Line]) -> MotRows:
    lines = list(found.values())
    kinds = np.array([line.kind for line in lines], np.int32)
    return MotRows(
        frame=np.array([line.frame for line in lines], np.int32),
        identity=np.where(kinds == CROWD, -1, np.array([line.identity for line in lines], np.int64)).astype(np.int64),
        boxes=np.array([line.box for line in lines], np.float32).reshape(-1, 4),
        confidence=(kinds != CROWD).astype(np.float32),
        class_id=kinds,
        visibility=np.ones(len(lines), np.float32),
        line=np.array(list(found), np.int32),
        mask=np.array([line.mask for line in lines], object),
        drawn=lines[0].size if lines else None,
    )
