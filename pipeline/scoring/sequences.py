"""What is scored: per sequence the frames, the ground truth and the tracker's rows, from frame files or from plain text folders."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files import mot_text
from pipeline.files.columns import Growing
from pipeline.files.coordinates import oddities
from pipeline.files.frames import read_frames
from pipeline.files.mot_text import MotRows, read_exactly

COLUMNS = ("frame", "boxes", "identities", "classes", "confidences", "ignores")
IMAGES = {".jpg", ".jpeg", ".png"}
DENSE = 100_000  # frames up to which each has a place of its own; beyond it, where rows are few, only frames with rows have one
# Ground truth states at most three decimals; this undoes the rounding of float32 corners below 8192 pixels.
DECIMALS = 3


@dataclass(frozen=True)
class Rows:
    """Boxes of one sequence.

    Attributes:
        frame: (N,) int64, the sequence's own numbers.
        identity: (N,) int64, -1 unknown.
        boxes: (N, 4) float64, left, top, width, height in pixels.
        confidence: (N,) float64: ground truth's flag (0 = not scored), or a tracker's score.
        class_id: (N,) int64, numbers of `pipeline.params.classes`.
        ignore: (N,) bool, regions that are neither object nor background.
        shapes: (N, ...) what a similarity other than of boxes compares (`similarities`): run lengths of masks, (N,) str, or joints,
            (N, 17, 3); None: there are boxes alone.
    """

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    boxes: NDArray[np.float64]
    confidence: NDArray[np.float64]
    class_id: NDArray[np.int64]
    ignore: NDArray[np.bool_]
    shapes: NDArray[Any] | None = None

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        """The rows chosen by indices or a mask."""
        shapes = None if self.shapes is None else self.shapes[index]
        boxes, class_id = self.boxes[index], self.class_id[index]
        return Rows(self.frame[index], self.identity[index], boxes, self.confidence[index], class_id, self.ignore[index], shapes)


@dataclass(frozen=True)
class ScoredSequence:
    """One sequence to score.

    Attributes:
        name: of the sequence.
        frames: (F,) int64, ascending numbers of the frames that count; one without rows counts too.
        truth: ground truth rows of those frames.
        results: the tracker's rows, all of those frames.
    """

    name: str
    frames: NDArray[np.int64]
    truth: Rows
    results: Rows


def from_frames(path: Place, tracks: Place | None, span: tuple[int, int] | None = None) -> ScoredSequence:
    """Pair a frame file with a result file.

    Args:
        path: data/frames/<dataset>/<sequence>.parquet.
        tracks: folder with <sequence>.txt; None: no results yet, `with_results` gives them.
        span: first and last frame that count; None: all.

    Raises:
        UserError: the result file is missing, or a row of it is broken, double or outside the frames that count.
    """
    name, numbers = path.stem, Growing(np.int64)
    columns = [Growing(np.int64), Growing(np.int64), Growing(np.float64, 4), Growing(np.float64), Growing(np.int64), Growing(np.bool_)]
    for row in read_frames(path, COLUMNS):
        if span is None or span[0] <= row.frame <= span[1]:
            numbers.add([row.frame])
            found = row.objects
            values = np.full(len(found), row.frame), found.identities, found.boxes, found.confidences, found.classes, found.ignores
            for column, value in zip(columns, values, strict=True):
                column.add(value)
    frame, identity, boxes, confidence, class_id, ignore = (column.rows for column in columns)
    truth = Rows(frame, identity, _left_top_width_height(boxes), confidence, class_id, ignore)
    nothing = truth.take(np.zeros(0, np.int64))
    return ScoredSequence(name, numbers.rows, truth, read_results(tracks / f"{name}.txt", numbers.rows) if tracks else nothing)


def with_results(sequence: ScoredSequence, found: MotRows) -> ScoredSequence:
    """The same ground truth with other results, from memory: what reading them back from a result file would give, to the last digit.

    Args:
        sequence: of `from_frames` or `from_text`.
        found: a tracker's rows.

    Raises:
        UserError: a row is of a frame that does not count.
    """
    _check_frames(found, sequence.frames, sequence.name)
    return replace(sequence, results=_results(found))


class TextSequence(NamedTuple):
    """A sequence of MOTChallenge text: the folder of its ground truth, and its result file."""

    folder: Path
    tracks: Path


def find_text(root: Path, tracks: Path) -> tuple[list[TextSequence], list[str]]:
    """Pair anyone's ground truth with anyone's results, by their names.

    Args:
        root: <root>/<sequence>/gt/gt.txt, or itself one sequence, <root>/gt/gt.txt.
        tracks: folder with <sequence>.txt.

    Returns:
        The sequences by name, and a remark on result files that no ground truth claims.

    Raises:
        UserError: there is no ground truth, or no folder of results.
    """
    folders = _sequence_folders(root)
    if not tracks.is_dir():
        raise UserError(f"{tracks}: no such folder\nnext: name the folder that holds <sequence>.txt for {_names(folders)}")
    known = {folder.name for folder in folders}
    strays = sorted(path.stem for path in tracks.glob("*.txt") if path.stem not in known)
    remarks = [f"not scored, no ground truth in {root}: {', '.join(strays)}"] if strays else []
    return [TextSequence(folder, tracks / f"{folder.name}.txt") for folder in folders], remarks


def read_text(found: TextSequence, *, classes: bool = False) -> tuple[ScoredSequence, list[str]]:
    """Read a sequence, and what is to be remarked of its length and columns; `classes`: whether classes will count.

    It has as many frames as its img1 folder shows, or, without images, as seqinfo.ini's seqLength says; never fewer than the ground truth
    reaches, whose last frame decides where neither is there. A result row beyond that is an error. Where frames are numbered like time
    stamps only those with rows are listed: a frame without any changes no score.

    Raises:
        UserError: a file is missing, holds masks, or a row is broken, double or out of range (file:line).
    """
    remarks: list[str] = []
    path = found.folder / "gt" / "gt.txt"
    _refuse_masks(path)
    rows, boxes = read_exactly(path, kind="ground_truth", remarks=remarks, world=not classes)
    _remark_on_units(path, boxes, remarks)
    rows = mot_text.of_heads(path, rows, remarks)
    last = int(rows.frame.max(initial=0))
    length = _length(found.folder, last, remarks)
    if length <= max(DENSE, 100 * len(rows.frame)):
        numbers = np.arange(1, length + 1, dtype=np.int64)
        return ScoredSequence(found.folder.name, numbers, _rows(rows, boxes), read_results(found.tracks, numbers, remarks)), remarks
    results = _read_results(found.tracks, remarks)
    _check_span(results[0], length, str(found.tracks))
    numbers = np.union1d(rows.frame, results[0].frame).astype(np.int64)
    remarks.append(f"{found.folder.name}: frames are numbered up to {length}; the {len(numbers)} that have rows are scored")
    return ScoredSequence(found.folder.name, numbers, _rows(rows, boxes), _rows(*results)), remarks


def from_text(root: Path, tracks: Path) -> tuple[list[ScoredSequence], list[str]]:
    """Read all of `find_text`; also the remarks of both."""
    found, strays = find_text(root, tracks)
    read = [read_text(item) for item in found]
    return [sequence for sequence, _ in read], [*(line for _, remarks in read for line in remarks), *strays]


def read_results(path: Place, frames: NDArray[np.int64], remarks: list[str] | None = None) -> Rows:
    """Read a tracker's rows.

    Args:
        path: MOTChallenge text.
        frames: (F,) numbers a row may have.
        remarks: gets what was assumed about the file.

    Raises:
        UserError: the file is missing, or a row is broken, double or of another frame; names file and line.
    """
    found, boxes = _read_results(path, remarks)
    _check_frames(found, frames, str(path))
    return _rows(found, boxes)


def _read_results(path: Place, remarks: list[str] | None) -> tuple[MotRows, NDArray[np.float64]]:
    if not path.is_file():
        raise UserError(f"{path}: no results for this sequence\nnext: write the file (an empty one says that nothing was tracked)")
    _refuse_masks(path)
    found, boxes = read_exactly(path, kind="results", remarks=remarks)
    _remark_on_units(path, boxes, remarks)
    return found, boxes


def _remark_on_units(path: Place, boxes: NDArray[np.float64], remarks: list[str] | None) -> None:
    """Say it where (N, 4) boxes, left, top, width, height, look as if they were no pixels."""
    if remarks is not None:
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        remarks += [f"{path}: {line}" for line in oddities(corners, np.full((len(boxes), 2), np.inf))]


def _refuse_masks(path: Place) -> None:
    if mot_text.is_mask_text(path):
        raise UserError(
            f"{path}: holds masks (MOTS: frame id class height width mask); boxes alone are scored here\n"
            "next: score boxes (frame,id,left,top,width,height,confidence), or masks with `throughline evaluate --task mots`"
        )


def _check_span(found: MotRows, length: int, where: str) -> None:
    """`_check_frames` of frames 1 to `length`, without listing them."""
    outside = np.flatnonzero(found.frame > length)
    if len(outside):
        first = int(outside[0])
        raise UserError(
            f"{where}:{found.line[first]}: frame {found.frame[first]} is not scored, allowed are 1 to {length} ({len(outside)} such rows)\n"
            "next: track the frames that are scored, or correct the sequence's length in seqinfo.ini"
        )


def _check_frames(found: MotRows, frames: NDArray[np.int64], where: str) -> None:
    outside = ~np.isin(found.frame, frames)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        allowed = f"{frames[0]} to {frames[-1]}" if len(frames) else "none"
        raise UserError(
            f"{where}:{found.line[first]}: frame {found.frame[first]} is not scored, allowed are {allowed}"
            f" ({int(outside.sum())} such rows)\nnext: track the frames that are scored, or correct the sequence's length in seqinfo.ini"
        )


def _results(found: MotRows) -> Rows:
    frame, identity, boxes, score, class_id = mot_text.stated(found)
    # a reader keeps scores as float32
    confidence = score.astype(np.float32).astype(np.float64)
    return Rows(frame, identity, boxes, confidence, class_id, np.zeros(len(frame), np.bool_))


def _rows(found: MotRows, boxes: NDArray[np.float64]) -> Rows:
    """Rows with the boxes as the file states them, since the float32 corners of `MotRows` would not give another scorer's last digit."""
    return Rows(
        frame=found.frame.astype(np.int64),
        identity=found.identity.astype(np.int64),
        boxes=boxes,
        confidence=found.confidence.astype(np.float64),
        class_id=found.class_id.astype(np.int64),
        ignore=np.zeros(len(found.frame), np.bool_),
    )


def _sequence_folders(root: Path) -> list[Path]:
    root = root.resolve()
    if (root / "gt" / "gt.txt").is_file():
        return [root]
    folders = sorted(path.parents[1] for path in root.glob("*/gt/gt.txt"))
    if not folders:
        raise UserError(f"{root}: no ground truth\nnext: expected {root}/<sequence>/gt/gt.txt, or {root}/gt/gt.txt for a single sequence")
    return folders


def _length(folder: Path, last: int, remarks: list[str]) -> int:
    """How many frames a sequence has; `last` is the last one with ground truth."""
    stated, inner = _stated(folder / "seqinfo.ini")
    images = _last_image(folder / inner)
    length = max(last, images or stated or 0)
    if stated is not None and stated != length:
        shown = f"img1 ends at {images}" if images else f"ground truth ends at {last}"
        remarks.append(f"{folder.name}: seqinfo.ini says {stated} frames, {shown}: scored as {length}")
    elif length > last:
        remarks.append(f"{folder.name}: ground truth ends at frame {last} of {length}; boxes after it count as false positives")
    return length


def _last_image(folder: Path) -> int | None:
    numbers = [int(path.stem) for path in folder.glob("*") if path.suffix.lower() in IMAGES and path.stem.isdigit()]
    return max(numbers, default=None)


def _stated(path: Path) -> tuple[int | None, str]:
    """seqLength and imDir of a seqinfo.ini; img1 holds the images where it states no other folder."""
    if not path.is_file():
        return None, "img1"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), source=str(path))
        return parser.getint("Sequence", "seqLength", fallback=None), parser.get("Sequence", "imDir", fallback="").strip() or "img1"
    except (configparser.Error, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read: {error}\nnext: mend it, or remove it (the length is then the last frame of gt.txt)"
        ) from None


def _left_top_width_height(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).round(DECIMALS)


def _names(folders: list[Path]) -> str:
    names = [folder.name for folder in folders]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
