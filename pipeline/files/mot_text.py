"""MOTChallenge text files (gt.txt, det.txt, results): read strictly, written one way.

A line is `frame,id,left,top,width,height,confidence[,...]`; what follows is judged by what it holds (`mot_columns`). Columns are separated
by commas; blanks, tabs and semicolons are read as well, so are quotes around cells and a separator at the end of a line. Frames are
counted from 1; left and top are pixels as the data set counts them, unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files import mot_columns
from pipeline.files.mot_columns import Kind
from pipeline.params.classes import PEDESTRIAN

COLUMNS: dict[Kind, tuple[int, ...]] = {"ground_truth": (7, 8, 9, 10), "results": (7, 8, 9, 10), "detections": (7, 8, 9, 10)}
LAYOUT = "frame,id,left,top,width,height,confidence"
UNKNOWN = -1
SHOWN = 5  # complaints printed of one file
LARGEST = 2**31 - 1
LARGEST_ID = 2**63 - 1
EXACT = 2**53  # whole numbers from here on may be changed by a float64
ROWS_AT_ONCE = 10_000
SEPARATORS = {",": "commas", ";": "semicolons", None: "blanks"}
FOREIGN = "|:/\\"  # separators that are named, not read


class MotRows(NamedTuple):
    """The rows of one file, in the file's order.

    Attributes:
        frame: (N,) int32, from 1.
        identity: (N,) int64, -1 unknown.
        boxes: (N, 4) float32, xyxy pixels, amodal.
        confidence: (N,) float32: ground truth's flag (0 = not scored) or a detector's or tracker's score.
        class_id: (N,) int32, numbers of `pipeline.params.classes` (1 pedestrian).
        visibility: (N,) float32 in [0, 1]; 1 where the file does not tell.
        line: (N,) int32, line number in the file, from 1.
        mask: (N,) str, see `frames.Objects`; None: the format has none.
        drawn: width and height of the images that masks are drawn on.
        states_class: whether a result file states classes: where several are tracked.
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
    states_class: bool = False

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


def read_rows(path: Place, *, kind: Kind, defects: list[str] | None = None, remarks: list[str] | None = None) -> MotRows:
    """Read a file; an empty one has no rows. See `read_exactly`."""
    return read_exactly(path, kind=kind, defects=defects, remarks=remarks)[0]


def read_exactly(
    path: Place,
    *,
    kind: Kind,
    defects: list[str] | None = None,
    remarks: list[str] | None = None,
    world: bool = True,
    classes: bool = False,
) -> tuple[MotRows, NDArray[np.float64]]:
    """Read a file; an empty one has no rows.

    Args:
        path: the text file.
        kind: what it is; decides which columns mean what and what is allowed.
        defects: where complaints about single lines go; those lines are left out then. None: the first ones are raised.
        remarks: where it is said what was assumed about the file.
        world: whether ground truth may have coordinates of the world in the place of classes.
        classes: whether detections state classes in column 8, as results may.

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
    said: list[str] = []
    read = _plain_numbers(text, kind) or _numbers(text, kind, complaints, said)
    finite: NDArray[np.bool_] = np.isfinite(read.table)
    sound: NDArray[np.bool_] = np.asarray(finite.all(1))
    flawless = bool(sound.all())
    table = read.table if flawless else np.where(finite, read.table, 0)  # whatever else is said of such a line comes second
    judged, lines = (table, read.line) if flawless else (table[sound], read.line[sound])
    meaning = mot_columns.judge(judged, lines, kind, classes=classes)
    if meaning.world and not world:
        raise UserError(
            f"{path}:{read.line[0]}: columns 8 to 10 are coordinates of the world ({', '.join(f'{value:g}' for value in table[0, 7:10])}), "
            "which state no class\nnext: score by MOT15, which looks at no classes, or write -1 there"
        )
    _check_values(table, sound, read, kind, meaning.classes, complaints)
    found = _named(table, sound, read, meaning, kind)
    _check_unique(found, kind, complaints)
    if complaints and defects is None:
        raise UserError(_message(path, complaints))
    if complaints and defects is not None:
        defects.extend(f"{path}:{number}: {complaints[number]}" for number in sorted(complaints))
    if remarks is not None:
        remarks.extend(f"{path}: {line}" for line in [*said, *meaning.remarks])
    kept = ~np.isin(found.line, list(complaints))
    return found.take(kept), table[kept, 2:6]


def of_heads(path: Place, found: MotRows, remarks: list[str]) -> MotRows:
    """Ground truth with MOTChallenge's classes, where the path tells that it is head tracking's, which has its own."""
    named = next((name for name in mot_columns.HEADS_NAMES if name.lower() in str(path).lower()), None)
    if named is None or not len(found.class_id):
        return found
    remarks.append(
        f"{path}: {named} is in the path, so classes are head tracking's: 1 pedestrian, 2 static, 3 ignored, 4 person on vehicle"
    )
    return found._replace(class_id=mot_columns.heads(found.class_id))


def is_mask_text(path: Place) -> bool:
    """Whether the file's first line has MOTS' six columns separated by blanks, the last a mask; not where it cannot be read."""
    try:
        line = next((line for line in path.read_bytes().splitlines() if line.strip()), b"")
    except OSError:
        return False
    cells = line.split()
    return b"," not in line and len(cells) == 6 and not cells[-1].replace(b".", b"").replace(b"-", b"").isdigit()


class Stated(NamedTuple):
    """The numbers of a result file, in its order: by frame, then identity.

    Attributes:
        frame: (N,) int64.
        identity: (N,) int64.
        boxes: (N, 4) float64, left, top, width, height in pixels, with two digits.
        score: (N,) float64, with four digits.
        class_id: (N,) int64, what a reader of the file takes the rows for.
    """

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    boxes: NDArray[np.float64]
    score: NDArray[np.float64]
    class_id: NDArray[np.int64]


def stated(found: MotRows) -> Stated:
    """Tracker output as its result file would give it back, without the file."""
    ordered = _ordered(found)
    numbers = np.fromiter((float(text) for texts in _texts(ordered) for text in texts), np.float64, 5 * len(ordered.frame)).reshape(-1, 5)
    kinds = ordered.class_id.astype(np.int64) if ordered.states_class else np.full(len(ordered.frame), PEDESTRIAN, np.int64)
    return Stated(ordered.frame.astype(np.int64), ordered.identity.astype(np.int64), numbers[:, :4], numbers[:, 4], kinds)


def write_results(path: Path, found: MotRows) -> None:
    """Write tracker output: `frame,id,left,top,width,height,score,class,-1,-1`, ordered by frame and identity.

    The class is the number in the table of `pipeline.params.classes` where several are tracked (`MotRows.states_class`), else -1.
    """
    ordered = _ordered(found)
    kinds = ordered.class_id if ordered.states_class else np.full(len(ordered.frame), UNKNOWN, np.int32)
    with path.open("w", encoding="ascii", newline="\n") as stream:
        for frame, identity, texts, kind in zip(ordered.frame, ordered.identity, _texts(ordered), kinds, strict=True):
            stream.write(f"{frame},{identity},{','.join(texts)},{kind},-1,-1\n")


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


class _Numbers(NamedTuple):
    """The lines that are numbers: (N, columns) float64, (N,) int64 exact identities where they fit, and (N,) int32 line numbers."""

    table: NDArray[np.float64]
    identity: NDArray[np.int64]
    line: NDArray[np.int32]


def _plain_numbers(text: str, kind: Kind) -> _Numbers | None:
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
    numbers = np.stack([np.frombuffer(part, np.float64, lines) for part in parts], axis=1)
    identity = np.where(np.isfinite(numbers[:, 1]), numbers[:, 1], 0)
    if (np.abs(identity) >= EXACT).any():
        return None
    return _Numbers(numbers, identity.astype(np.int64), np.arange(1, lines + 1, dtype=np.int32))


def _numbers(text: str, kind: Kind, complaints: dict[int, str], said: list[str]) -> _Numbers:
    """All lines that are numbers."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.isspace()]
    separator = _separator([line for _, line in lines], kind)
    if separator != "," and lines:
        said.append(f"columns are separated by {SEPARATORS[separator]}, read as if by commas")
    parted = [(number, _cells(line, separator)) for number, line in lines]
    width = len(parted[0][1]) if parted else COLUMNS[kind][0]
    if width not in COLUMNS[kind]:  # the first line may itself be the broken one: let the most frequent width rule
        widths = [len(cells) for _, cells in parted]
        width = max(set(widths), key=lambda value: (value in COLUMNS[kind], widths.count(value), -value))
    table, identities, numbers = [], [], []
    for (number, cells), (_, line) in zip(parted, lines, strict=True):
        if len(cells) != width or width not in COLUMNS[kind]:
            complaints[number] = _wrong_width(len(cells), width, kind, line)
            continue
        try:
            values = [float(cell) for cell in cells]
        except ValueError as error:
            complaints[number] = f"{str(error).removeprefix('could not convert string to float: ')} is not a number"
            continue
        identity = _exact(cells[1], values[1])
        if abs(identity) > LARGEST_ID and kind != "detections":
            complaints[number] = f"id (column 2) is {identity}; the largest that is read is {LARGEST_ID}"
        table.append(values)
        identities.append(identity if abs(identity) <= LARGEST_ID else 0)
        numbers.append(number)
    found = np.array(table, np.float64).reshape(-1, max(width, COLUMNS[kind][0]))
    return _Numbers(found, np.array(identities, np.int64), np.array(numbers, np.int32))


def _separator(lines: list[str], kind: Kind) -> str | None:
    """What parts the most lines into as many columns as there may be, commas before others; None: blanks."""
    if not lines or len(_cells(lines[0], ",")) in COLUMNS[kind]:
        return ","
    fitting = {separator: sum(len(_cells(line, separator)) in COLUMNS[kind] for line in lines) for separator in SEPARATORS}
    return max(fitting, key=lambda separator: fitting[separator])


def _cells(line: str, separator: str | None) -> list[str]:
    """The cells of a line without quotes; a separator at its end opens no further cell."""
    cells = _unquoted(line.strip()).split(separator)
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    if separator == ";":
        cells = [cell.replace(",", ".") for cell in cells]  # where columns are parted so, the comma is the decimal point
    return [_unquoted(cell) for cell in cells]


def _unquoted(cell: str) -> str:
    bare = cell.strip()
    quoted = len(bare) > 1 and bare[0] in "\"'" and bare[0] == bare[-1] and bare[0] not in bare[1:-1]
    return bare[1:-1] if quoted else cell


def _exact(cell: str, value: float) -> int:
    """The whole number of a cell, beyond a float64's precision as well; 0 where it is none."""
    try:
        return int(cell)
    except ValueError:
        return int(value) if np.isfinite(value) else 0


def _wrong_width(found: int, width: int, kind: Kind, line: str) -> str:
    if width in COLUMNS[kind]:
        return f"{found} columns where the file's other lines have {width}"
    allowed = ", ".join(map(str, COLUMNS[kind]))
    other = max(FOREIGN, key=line.count)
    seems = f" (these seem to be separated by '{other}')" if line.count(other) + 1 in COLUMNS[kind] else ""
    return f"{found} columns{seems}; allowed are {allowed}, separated by commas: {LAYOUT},..."


def _check_values(
    table: NDArray[np.float64], sound: NDArray[np.bool_], read: _Numbers, kind: Kind, classes: bool, complaints: dict[int, str]
) -> None:
    """Complain about values outside what the format allows; the first complaint of a line stands."""
    frame, identity, size = table[:, 0], table[:, 1], table[:, 4:6]
    lowest = 0 if kind == "results" else UNKNOWN
    checks: list[tuple[Any, str]] = [
        (~sound, "a value is not finite"),
        ((frame < 1) | (frame % 1 != 0), "frame (column 1) must be a whole number from 1"),
        (frame > LARGEST, f"frame (column 1) is above {LARGEST}, the largest that is read; count frames from 1"),
    ]
    if kind != "detections":  # a detector's id column carries nothing
        checks.append(((identity < lowest) | (identity % 1 != 0), f"id (column 2) must be a whole number from {lowest}"))
    checks.append(((size <= 0).any(1), "width and height (columns 5 and 6) must be above 0"))
    if np.abs(table[:, 2:6]).max(initial=0) > LARGEST:
        checks.append(((np.abs(table[:, 2:6]) > LARGEST).any(1), f"the box (columns 3 to 6) reaches beyond {LARGEST} pixels"))
    if classes and kind == "ground_truth":
        broken = (table[:, 7] < 0) | (table[:, 7] > LARGEST) | (table[:, 7] % 1 != 0)
        checks.append((broken, "class (column 8) must be a whole number from 0"))
    for broken, complaint in checks:
        for number in read.line[broken]:
            complaints.setdefault(int(number), complaint)


def _named(table: NDArray[np.float64], sound: NDArray[np.bool_], read: _Numbers, meaning: mot_columns.Meaning, kind: Kind) -> MotRows:
    table = table.clip(-LARGEST, LARGEST)  # rows beyond that are complained about and left out
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    count = len(table)
    found = MotRows(
        frame=table[:, 0].astype(np.int32),
        identity=np.full(count, UNKNOWN, np.int64) if kind == "detections" else read.identity,
        boxes=corners.astype(np.float32),
        confidence=np.ones(count, np.float32),
        class_id=np.full(count, PEDESTRIAN, np.int32),
        visibility=np.ones(count, np.float32),
        line=read.line,
    )
    found.confidence[sound], found.class_id[sound], found.visibility[sound] = meaning.confidence, meaning.class_id, meaning.visibility
    return found


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
