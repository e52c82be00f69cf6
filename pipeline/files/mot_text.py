"""MOTChallenge text files (gt.txt, det.txt, results): read strictly, written one way.

A line is `frame,id,left,top,width,height,confidence[,...]`. What follows depends on the number of columns: ground truth of 8 or 9
columns names class and visibility (MOT16 and later), 10 columns hold world coordinates (MOT15), which say neither, so every box is a
pedestrian of visibility 1. Frames are counted from 1; left and top are pixels as the data set counts them, unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from pipeline.artifacts.store import Place
from pipeline.errors import UserError

Kind = Literal["ground_truth", "results", "detections"]
COLUMNS: dict[Kind, tuple[int, ...]] = {"ground_truth": (7, 8, 9, 10), "results": (7, 8, 9, 10), "detections": (7, 8, 9, 10)}
LAYOUT = "frame,id,left,top,width,height,confidence"
PEDESTRIAN = 1
UNKNOWN = -1
SHOWN = 5  # complaints printed of one file
LARGEST = 2**31 - 1
ROWS_AT_ONCE = 10_000


class MotRows(NamedTuple):
    """The rows of one file, in the file's order.

    Attributes:
        frame: (N,) int32, from 1.
        identity: (N,) int64, -1 unknown.
        boxes: (N, 4) float32, xyxy pixels, amodal.
        confidence: (N,) float32: ground truth's flag (0 = not scored) or a detector's or tracker's score.
        class_id: (N,) int32, MOTChallenge's classes (1 pedestrian).
        visibility: (N,) float32 in [0, 1]; 1 where the file does not tell.
        line: (N,) int32, line number in the file, from 1.
        mask: (N,) str, see `frames.Objects`; None: the format has none.
        drawn: width and height of the images that masks are drawn on.
    """

    frame: NDArray[np.int32]
    identity: NDArray[np.int64]
    boxes: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    visibility: NDArray[np.float32]
    line: NDArray[np.int32]
    mask: NDArray[np.object_] | None = None
    drawn: tuple[int, int] | None = None

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> MotRows:
        """The rows chosen by indices or a mask."""
        columns: dict[str, Any] = {name: column[index] for name, column in self._asdict().items() if isinstance(column, np.ndarray)}
        return self._replace(**columns)


def rows(frame: NDArray[np.int32], identity: NDArray[np.int64], boxes: NDArray[np.float32], confidence: NDArray[np.float32]) -> MotRows:
    """Rows of pedestrians made in memory, ready for `write_results`; shapes and units as in `MotRows`."""
    count = len(frame)
    return MotRows(
        np.asarray(frame, np.int32),
        np.asarray(identity, np.int64),
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(confidence, np.float32),
        np.full(count, PEDESTRIAN, np.int32),
        np.ones(count, np.float32),
        np.arange(1, count + 1, dtype=np.int32),
    )


def read_rows(path: Place, *, kind: Kind, defects: list[str] | None = None) -> MotRows:
    """Read a file; an empty one has no rows. See `read_exactly`."""
    return read_exactly(path, kind=kind, defects=defects)[0]


def read_exactly(path: Place, *, kind: Kind, defects: list[str] | None = None) -> tuple[MotRows, NDArray[np.float64]]:
    """Read a file; an empty one has no rows.

    Args:
        path: the text file.
        kind: what it is; decides which columns mean what and what is allowed.
        defects: where complaints about single lines go; those lines are left out then. None: the first ones are raised.

    Returns:
        The rows, and their boxes as the file states them: (N, 4) float64, left, top, width and height.

    Raises:
        UserError: the file is missing, or lines cannot be used (named as file:line).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file\nnext: check the path; expected lines of {LAYOUT},...") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file ({error.reason} at byte {error.start})\nnext: expected lines of {LAYOUT},...") from None
    complaints: dict[int, str] = {}
    table, numbers = _plain_numbers(text, kind) or _numbers(text, kind, complaints)
    _check_values(table, numbers, kind, complaints)
    found = _named(table, numbers, kind)
    _check_unique(found, kind, complaints)
    if complaints and defects is None:
        raise UserError(_message(path, complaints))
    if complaints and defects is not None:
        defects.extend(f"{path}:{number}: {complaints[number]}" for number in sorted(complaints))
    kept = ~np.isin(found.line, list(complaints))
    return found.take(kept), table[kept, 2:6]


class Stated(NamedTuple):
    """The numbers of a result file, in its order: by frame, then identity.

    Attributes:
        frame: (N,) int64.
        identity: (N,) int64.
        boxes: (N, 4) float64, left, top, width, height in pixels, with two digits.
        score: (N,) float64, with four digits.
    """

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    boxes: NDArray[np.float64]
    score: NDArray[np.float64]


def stated(found: MotRows) -> Stated:
    """Tracker output as its result file would give it back, without the file."""
    ordered = _ordered(found)
    numbers = np.fromiter((float(text) for texts in _texts(ordered) for text in texts), np.float64, 5 * len(ordered.frame)).reshape(-1, 5)
    return Stated(ordered.frame.astype(np.int64), ordered.identity.astype(np.int64), numbers[:, :4], numbers[:, 4])


def write_results(path: Path, found: MotRows) -> None:
    """Write tracker output: `frame,id,left,top,width,height,score,-1,-1,-1`, ordered by frame and identity."""
    ordered = _ordered(found)
    with path.open("w", encoding="ascii", newline="\n") as stream:
        for frame, identity, texts in zip(ordered.frame, ordered.identity, _texts(ordered), strict=True):
            stream.write(f"{frame},{identity},{','.join(texts)},-1,-1,-1\n")


def _ordered(found: MotRows) -> MotRows:
    """Rows in a file's order."""
    return found.take(np.lexsort((found.identity, found.frame)))


def _texts(ordered: MotRows) -> Iterator[tuple[str, ...]]:
    """Left, top, width, height and score of each row as a file has them, some rows in memory at a time."""
    for start in range(0, len(ordered.frame), ROWS_AT_ONCE):
        boxes = ordered.boxes[start : start + ROWS_AT_ONCE].astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        for box, score in zip(boxes.tolist(), ordered.confidence[start : start + ROWS_AT_ONCE].tolist(), strict=True):
            yield *(f"{value:.2f}" for value in box), f"{score:.4f}"


def _plain_numbers(text: str, kind: Kind) -> tuple[NDArray[np.float64], NDArray[np.int32]] | None:
    """`_numbers` of a text that has nothing to complain about, twenty times as fast; None where it may have."""
    width, lines = text.partition("\n")[0].count(",") + 1, text.count("\n") + (not text.endswith("\n"))
    if width not in COLUMNS[kind]:
        return None
    try:
        table = csv.read_csv(
            pa.py_buffer(text.encode()),
            csv.ReadOptions(use_threads=False, autogenerate_column_names=True),
            csv.ParseOptions(quote_char=False, double_quote=False),
            csv.ConvertOptions(column_types={f"f{column}": pa.float64() for column in range(width)}, null_values=[]),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    if table.num_rows != lines or any(column.null_count for column in table.columns):  # empty lines, for one
        return None
    # `to_numpy` would import pandas, which takes longer than all the rest
    parts = [pa.concat_arrays(column.chunks).buffers()[1] for column in table.columns]
    return np.stack([np.frombuffer(part, np.float64, lines) for part in parts], axis=1), np.arange(1, lines + 1, dtype=np.int32)


def _numbers(text: str, kind: Kind, complaints: dict[int, str]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The (N, columns) table of all lines that are numbers, with their line numbers."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.isspace()]
    width = lines[0][1].count(",") + 1 if lines else COLUMNS[kind][0]
    if width not in COLUMNS[kind]:  # the first line may itself be the broken one: let the most frequent width rule
        widths = [line.count(",") + 1 for _, line in lines]
        width = max(set(widths), key=lambda value: (value in COLUMNS[kind], widths.count(value), -value))
    table, numbers = [], []
    for number, line in lines:
        cells = line.split(",")
        if len(cells) != width or width not in COLUMNS[kind]:
            complaints[number] = _wrong_width(len(cells), width, kind)
            continue
        try:
            table.append([float(cell) for cell in cells])
            numbers.append(number)
        except ValueError as error:
            complaints[number] = f"{str(error).removeprefix('could not convert string to float: ')} is not a number"
    return np.array(table, np.float64).reshape(-1, max(width, COLUMNS[kind][0])), np.array(numbers, np.int32)


def _wrong_width(found: int, width: int, kind: Kind) -> str:
    if width in COLUMNS[kind]:
        return f"{found} columns where the file's other lines have {width}"
    allowed = ", ".join(map(str, COLUMNS[kind]))
    return f"{found} columns; allowed are {allowed}, separated by commas: {LAYOUT},..."


def _check_values(table: NDArray[np.float64], numbers: NDArray[np.int32], kind: Kind, complaints: dict[int, str]) -> None:
    """Complain about values outside what the format allows; the first complaint of a line stands."""
    finite = np.isfinite(table)
    table = np.where(finite, table, 0)  # whatever else is said of such a line comes second
    frame, identity, size = table[:, 0], table[:, 1], table[:, 4:6]
    lowest = 0 if kind == "results" else UNKNOWN
    checks: list[tuple[Any, str]] = [
        (~finite.all(1), "a value is not finite"),
        ((frame < 1) | (frame > LARGEST) | (frame % 1 != 0), "frame (column 1) must be a whole number from 1"),
    ]
    if kind != "detections":  # a detector's id column carries nothing
        checks.append(((identity < lowest) | (identity % 1 != 0), f"id (column 2) must be a whole number from {lowest}"))
    checks.append(((size <= 0).any(1), "width and height (columns 5 and 6) must be above 0"))
    if kind == "ground_truth" and table.shape[1] in (8, 9):
        checks.append(((table[:, 7] < 0) | (table[:, 7] % 1 != 0), "class (column 8) must be a whole number from 0"))
    for broken, complaint in checks:
        for number in numbers[broken]:
            complaints.setdefault(int(number), complaint)


def _named(table: NDArray[np.float64], numbers: NDArray[np.int32], kind: Kind) -> MotRows:
    table = np.where(np.isfinite(table), table, 0).clip(-LARGEST, LARGEST)  # such lines are complained about and left out
    classes = kind == "ground_truth" and table.shape[1] in (8, 9)
    visible = kind == "ground_truth" and table.shape[1] == 9
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    count = len(table)
    return MotRows(
        frame=table[:, 0].astype(np.int32),
        identity=np.full(count, UNKNOWN, np.int64) if kind == "detections" else table[:, 1].astype(np.int64),
        boxes=corners.astype(np.float32),
        confidence=table[:, 6].astype(np.float32),
        class_id=table[:, 7].astype(np.int32) if classes else np.full(count, PEDESTRIAN, np.int32),
        visibility=table[:, 8].clip(0, 1).astype(np.float32) if visible else np.ones(count, np.float32),
        line=numbers,
    )


def _check_unique(found: MotRows, kind: Kind, complaints: dict[int, str]) -> None:
    """An identity lies once in a frame."""
    order = np.lexsort((found.identity, found.frame))
    same = (np.diff(found.frame[order]) == 0) & (np.diff(found.identity[order]) == 0)
    if kind == "detections" or not same.any():
        return
    seen: dict[tuple[int, int], int] = {}
    for frame, identity, line in zip(found.frame.tolist(), found.identity.tolist(), found.line.tolist(), strict=True):
        first = seen.setdefault((frame, identity), line) if identity != UNKNOWN and line not in complaints else line
        if first != line:
            complaints[line] = f"id {identity} is in frame {frame} twice (first in line {first})"


def _message(path: Place, complaints: dict[int, str]) -> str:
    numbers = sorted(complaints)
    shown = "\n".join(f"{path}:{number}: {complaints[number]}" for number in numbers[:SHOWN])
    more = f"\n... and {len(numbers) - SHOWN} more lines" if len(numbers) > SHOWN else ""
    return f"{shown}{more}\nnext: mend these lines; allowed is {LAYOUT}[,class,visibility], numbers separated by commas"
