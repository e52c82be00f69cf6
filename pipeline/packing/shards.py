"""How rows are shared out among shards, so that a sequence that comes, goes or changes moves the cuts around it and no others.

A set that fits into one shard is cut evenly: writing all of it again costs little. A larger one is cut where sequences begin, and long
sequences also inside, at fixed distances. Every such place has a rank drawn from its name, and a stretch that is too long is cut at its
highest place: what lies far from a change keeps its cuts, as branches of a treap do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from pipeline.artifacts.store import Place

UNITS = 16  # as many shares at least, so that small sets still spread over a machine ...
SMALLEST = 4_000_000  # ... unless they would fall below so many bytes
FULL = 0.8  # of a shard's cap that the estimate of a share may reach
MANY = 64  # shares from which on files are counted:
ROWS_A_FILE = 1000  # so many rows a file on average at least


class Slice(NamedTuple):
    """Rows first to first + rows - 1 (from 0) of a frame file and its depth file.

    Attributes:
        frames: the frame file.
        depths: its depth file.
        first: see above.
        rows: see above.
        made_from: digest of the contents of both files.
    """

    frames: Place
    depths: Place
    first: int
    rows: int
    made_from: str = ""


class Shares(NamedTuple):
    """Consecutive rows of all slices, share by share, and the factor by which a shard's cap grows so that files stay few."""

    slices: list[tuple[Slice, ...]]
    growth: int


def shared(slices: Sequence[Slice], *, row_bytes: float, shard_bytes: int) -> Shares:
    """Share out the rows of `slices`, in order.

    Args:
        slices: of all sequences.
        row_bytes: of a row, about.
        shard_bytes: what a shard may have.
    """
    rows = sum(part.rows for part in slices)
    total = rows * row_bytes
    if rows == 0:
        return Shares([], 1)
    if total <= shard_bytes:
        wanted = min(FULL * shard_bytes, max(total / UNITS, SMALLEST))
        count = min(rows, max(1, round(total / wanted)))
        limits = [rows * number // count for number in range(count + 1)]
        return Shares([tuple(cut(slices, *limits[number : number + 2])) for number in range(count)], 1)
    most = FULL * shard_bytes / row_bytes
    while rows / most < UNITS and most * row_bytes >= 2 * SMALLEST:
        most /= 2
    growth = 1
    while len(found := _ranked(slices, max(4, int(most * growth)))) > max(MANY, rows // ROWS_A_FILE):
        growth *= 2
    return Shares(found, growth)


def cut(slices: Sequence[Slice], first: int, last: int) -> Iterator[Slice]:
    """The parts of `slices` that hold rows first to last - 1 of them all."""
    start = 0
    for part in slices:
        low, high = max(first - start, 0), min(last - start, part.rows)
        if low < high:
            yield part._replace(first=part.first + low, rows=high - low)
        start += part.rows


def _ranked(slices: Sequence[Slice], most: int) -> list[tuple[Slice, ...]]:
    """Shares of 3/8 of `most` rows to `most` rows; the whole where there is less."""
    step = most // 4
    pieces = [part._replace(first=part.first + at, rows=min(step, part.rows - at)) for part in slices for at in range(0, part.rows, step)]
    waiting, found = [pieces], list[tuple[Slice, ...]]()
    while waiting:
        stretch = waiting.pop()
        before = [0, *accumulate(part.rows for part in stretch)]
        least = (most - step) // 2  # some place always leaves as much on both sides
        places = [at for at in range(1, len(stretch)) if before[at] >= least and before[-1] - before[at] >= least]
        if before[-1] <= most or not places:
            found.append(tuple(_joined(stretch)))
            continue
        at = max(places, key=lambda place: _rank(stretch[place]))
        waiting += [stretch[at:], stretch[:at]]
    return found


def _rank(piece: Slice) -> tuple[bool, bytes]:
    """Where sequences begin comes first; the rest is chance."""
    name = f"{piece.frames.parent.name}/{piece.frames.name} {piece.first}"
    return piece.first == 0, hashlib.sha256(name.encode()).digest()


def _joined(pieces: Sequence[Slice]) -> Iterator[Slice]:
    whole = pieces[0]
    for piece in pieces[1:]:
        if (piece.frames, piece.first) == (whole.frames, whole.first + whole.rows):
            whole = whole._replace(rows=whole.rows + piece.rows)
        else:
            yield whole
            whole = piece
    yield whole
