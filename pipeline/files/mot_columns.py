"""What the columns after a box mean in MOTChallenge text, judged for a whole file by what they hold, not by how many there are.

| kind | column 7 | column 8 | column 9 | column 10 |
|---|---|---|---|---|
| MOT16 and later | flag | class, a whole number from 0 | visibility in [0, 1] | (none, or skipped) |
| MOT15 | flag | x of the world | y | z |
| VisDrone | flag | category 0 to 11 | truncation 0 or 1 | occlusion 0 to 2 |
| BFT and others | -1 | -1 | -1 | -1 |

Columns of -1 say nothing: such a box is a pedestrian of visibility 1. Every reading that is not the plain one of the format is remarked.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["ground_truth", "results", "detections"]
Table = NDArray[np.float64]
PEDESTRIAN, HIGHEST_CLASS = 1, 13
LARGEST = 2**31 - 1
# MOTChallenge's class of VisDrone's categories: ignored region, pedestrian, people, bicycle, car, van, truck, tricycle, awning-tricycle,
# bus, motor, others (its toolkit's list).
VISDRONE = np.array([13, 1, 1, 4, 3, 3, 3, 6, 6, 3, 5, 9], np.int32)
# Of head tracking (HT21, CroHD): pedestrian's head, static, ignore, person on vehicle (TrackEval's HeadTrackingChallenge).
HEADS = np.array([9, 1, 7, 13, 2], np.int32)
MANY_CLASSES = 100  # a column that holds more different numbers is no class
SHOWN = 5  # values that a remark lists
HEADS_NAMES = ("HT21", "HeadTracking", "Head_Tracking", "CroHD")


class Meaning(NamedTuple):
    """What a file's rows say beyond their boxes.

    Attributes:
        classes: whether column 8 is the class.
        class_id: (N,) int32.
        visibility: (N,) float32 in [0, 1].
        confidence: (N,) float32; of ground truth the flag, a whole number.
        remarks: what was assumed, as sentences about the file.
        world: whether columns 8 to 10 are coordinates of the world.
    """

    classes: bool
    class_id: NDArray[np.int32]
    visibility: NDArray[np.float32]
    confidence: NDArray[np.float32]
    remarks: list[str]
    world: bool = False


def judge(table: Table, numbers: NDArray[np.int32], kind: Kind, *, classes: bool = False) -> Meaning:
    """Tell what the columns from the seventh on mean.

    Args:
        table: (N, 7 to 10) finite numbers, one row per line.
        numbers: (N,) int32 line numbers.
        kind: of file.
        classes: whether detections state classes in column 8, as results may.
    """
    count, remarks = len(table), list[str]()
    plain = Meaning(False, np.ones(count, np.int32), np.ones(count, np.float32), _float32(table[:, 6]), remarks)
    if kind == "detections":
        _remark_on_ids(table, remarks)
    if kind == "detections" and not classes:
        _remark_on_columns(table, remarks)
        return plain
    if kind in ("detections", "results"):
        return _results(table, numbers, plain)
    found = _ground_truth(table, plain)
    return found._replace(confidence=_flags(table[:, 6], numbers, remarks))


def heads(class_id: NDArray[np.int32]) -> NDArray[np.int32]:
    """(N,) int32 MOTChallenge's classes from (N,) of head tracking's, whose numbers 0 and 2 to 4 mean something else.

    Numbers above 4 stay as they are.
    """
    known = (class_id >= 0) & (class_id < len(HEADS))
    return np.where(known, HEADS[np.where(known, class_id, 0)], class_id).astype(np.int32)


def _results(table: Table, numbers: NDArray[np.int32], plain: Meaning) -> Meaning:
    """A tracker's column 8 is a class where it holds whole numbers; -1 and 0 say nothing."""
    if table.shape[1] < 8 or not (table[:, 7] > PEDESTRIAN).any():
        return plain
    if not _whole(table[:, 7]).all():
        row = int(np.flatnonzero(~_whole(table[:, 7]))[0])
        plain.remarks.append(f"column 8 is not read: it is {table[row, 7]:g} in line {numbers[row]}, which is no class")
        return plain
    unstated = int((table[:, 7] < 0).sum())
    if unstated:
        plain.remarks.append(f"{unstated} rows state no class (column 8) where others do; they are read as pedestrians")
    return plain._replace(classes=True, class_id=np.maximum(table[:, 7], PEDESTRIAN).clip(max=LARGEST).astype(np.int32))


def _ground_truth(table: Table, plain: Meaning) -> Meaning:
    if table.shape[1] < 8 or len(table) == 0:
        return plain
    eighth = table[:, 7]
    whole = _whole(eighth) & (eighth >= 0)
    if table.shape[1] == 10:
        could_be = whole.all() and ((eighth > 0).any() or (table[:, 9] > 0).any())
        return _ten_columns(table, plain) if could_be else plain._replace(world=not (table[:, 7:10] == -1).all())
    if (eighth == -1).all():
        plain.remarks.append("column 8 is -1 throughout: every box is read as a pedestrian")
    elif 2 * whole.sum() < len(table):  # else single rows are broken, and complained about
        plain.remarks.append(
            f"column 8 is not read: most of it ({eighth[~whole][0]:g}, ...) is no class; every box is read as a pedestrian"
        )
    else:
        plain = plain._replace(classes=True, class_id=_int32(eighth))
    return plain if table.shape[1] == 8 else plain._replace(visibility=_visibility(table[:, 8], plain.remarks))


def _ten_columns(table: Table, plain: Meaning) -> Meaning:
    """World coordinates, unless all of column 8 could be a class and all of column 9 a visibility or a truncation."""
    kinds, ninth, tenth = table[:, 7:10].T
    if not ((ninth >= 0) & (ninth <= 1)).all() or kinds.max() > HIGHEST_CLASS:
        return plain._replace(world=True)
    levels = _whole(ninth).all() and _whole(tenth).all() and (tenth >= 0).all() and (tenth <= 2).all() and kinds.max() < len(VISDRONE)
    if levels and ((tenth > 0).any() or (kinds == 0).any() or (ninth == 0).all()):
        said = "columns 8 to 10 are read as VisDrone's category, truncation and occlusion; a level is no visibility, which is 1"
        plain.remarks.append(said)
        return plain._replace(classes=True, class_id=VISDRONE[kinds.astype(np.int64)])
    if (kinds < PEDESTRIAN).any():
        return plain._replace(world=True)
    plain.remarks.append("columns 8 and 9 are read as class and visibility, not as coordinates of the world; column 10 is not read")
    return plain._replace(classes=True, class_id=_int32(kinds), visibility=_float32(ninth))


def _visibility(column: Table, remarks: list[str]) -> NDArray[np.float32]:
    outside = (column < 0) | (column > 1)
    if not outside.any():
        return _float32(column)
    if (column == -1).all():
        remarks.append("column 9 is -1 throughout: every box is read as visible")
    elif _whole(column).all() or 2 * outside.sum() > len(column):
        remarks.append(
            f"column 9 is not read: it goes from {column.min():g} to {column.max():g} and is no visibility; every box is read as visible"
        )
    else:
        remarks.append(f"{int(outside.sum())} visibilities (column 9) lie outside 0 to 1, as {column[outside][0]:g} does; read as 1")
        return _float32(np.where(outside, 1, column))
    return np.ones(len(column), np.float32)


def _flags(column: Table, numbers: NDArray[np.int32], remarks: list[str]) -> NDArray[np.float32]:
    """The whole part, as TrackEval takes it: what lies between 0 and 1 is 0, not scored."""
    flags = np.trunc(column)
    broken = np.flatnonzero((flags == 0) & (column != 0))
    if len(broken):
        remarks.append(
            f"{len(broken)} flags (column 7) lie between 0 and 1, as {column[broken[0]]:g} in line {numbers[broken[0]]}; "
            "read as 0, not scored, as TrackEval does"
        )
    return _float32(flags) + 0  # never -0


def _remark_on_ids(table: Table, remarks: list[str]) -> None:
    if (table[:, 1] > 0).any():
        remarks.append(f"ids (column 2) go up to {table[:, 1].max():g}; detections have none, and they are not read")


def _remark_on_columns(table: Table, remarks: list[str]) -> None:
    """Detections of one class state no class; what looks like one is left unread, and said."""
    if table.shape[1] < 8 or not len(table):
        return
    eighth, kinds = table[:, 7], np.unique(table[:, 7])
    others = ~np.isin(table[:, 8:], (-1, 0, 1))
    if kinds.tolist() not in ([-1], [0], [1]):
        if _whole(eighth).all() and kinds[0] >= -1 and len(kinds) <= MANY_CLASSES and not others.any():
            remarks.append(f"column 8 may be a class (it holds {_listed(kinds)}); it is not read, every box is a pedestrian's")
        elif table.shape[1] < 10:  # else they are MOT15's coordinates of the world
            remarks.append("columns 8 and beyond are not read, every box is a pedestrian's")
    elif others.any():
        column = 8 + int(others.any(0).argmax())
        remarks.append(f"column {column + 1} is not read; it goes from {table[:, column].min():g} to {table[:, column].max():g}")


def _listed(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:g}" for value in values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")


def _whole(column: Table) -> NDArray[np.bool_]:
    whole: NDArray[np.bool_] = column % 1 == 0
    return whole


def _int32(column: Table) -> NDArray[np.int32]:
    return column.clip(-LARGEST, LARGEST).astype(np.int32)


def _float32(column: Table) -> NDArray[np.float32]:
    return column.clip(-LARGEST, LARGEST).astype(np.float32)
