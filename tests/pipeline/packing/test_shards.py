"""Cuts follow the data, stay where they are when something else changes, and never make many files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.packing import shards
from pipeline.packing.shards import Slice, cut, shared

ROW = 400_000.0  # bytes, as at 1088x608


def sequences(rows: list[int], start: int = 0) -> list[Slice]:
    return [Slice(Path(f"set/{number + start:05d}.parquet"), Path("d"), 0, count) for number, count in enumerate(rows)]


def names(found: list[tuple[Slice, ...]]) -> set[tuple[tuple[str, int, int], ...]]:
    return {tuple((part.frames.name, part.first, part.rows) for part in share) for share in found}


def covered(slices: list[Slice] | tuple[Slice, ...]) -> list[tuple[str, int]]:
    return [(part.frames.name, part.first + row) for part in slices for row in range(part.rows)]


def test_rows_are_cut_by_place() -> None:
    slices = sequences([3, 1, 4])
    assert covered(list(cut(slices, 2, 6))) == [("00000.parquet", 2), ("00001.parquet", 0), ("00002.parquet", 0), ("00002.parquet", 1)]


@pytest.mark.parametrize("rows", [[100], [3, 1, 700, 2, 2, 40], [1] * 50])
def test_a_set_that_fits_into_a_shard_is_cut_evenly(rows: list[int]) -> None:
    found, growth = shared(sequences(rows), row_bytes=ROW, shard_bytes=2**40)
    sizes = [sum(part.rows for part in share) for share in found]
    assert [name for share in found for name in covered(share)] == covered(sequences(rows))
    assert max(sizes) - min(sizes) <= 1
    assert len(found) == min(sum(rows), max(1, round(sum(rows) * ROW / max(sum(rows) * ROW / 16, 4e6))))
    assert growth == 1


@pytest.mark.parametrize("rows", [[100] * 10_000, [1_000_000], [1, 2999] * 333 + [1000], [*range(1, 1400), 20_700]])
def test_a_million_frames_never_make_more_than_a_thousand_files(rows: list[int]) -> None:
    slices = sequences(rows)
    found, growth = shared(slices, row_bytes=ROW, shard_bytes=256_000_000)
    sizes = np.array([sum(part.rows for part in share) for share in found])
    assert sizes.sum() == sum(rows) == pytest.approx(1e6, rel=0.01)
    assert len(found) <= 1000
    assert sizes.max() * ROW <= 0.8 * 256e6 * growth
    assert sizes.min() >= sizes.max() * 0.3
    assert [part for share in found for part in cut(share, 0, 10**9)] == [part for share in found for part in share]
    joined = [(part.frames, part.first, part.rows) for share in found for part in share]
    ends = [sum(rows for path, _, rows in joined if path == slices[number].frames) for number in (0, len(slices) - 1)]
    assert ends == [rows[0], rows[-1]]


@pytest.mark.parametrize("change", ["comes", "goes", "grows"])
def test_a_change_moves_the_cuts_around_it_alone(change: str) -> None:
    rows = np.random.default_rng(1).integers(20, 1500, 400).tolist()
    before = sequences(rows)
    alike = []
    for place in range(0, 400, 40):
        after = list(before)
        if change == "comes":
            after.insert(place, Slice(Path(f"set/{place:05d}a.parquet"), Path("d"), 0, 321))
        elif change == "goes":
            after.pop(place)
        else:
            after[place] = after[place]._replace(rows=after[place].rows + 300)
        old, new = (names(shared(some, row_bytes=ROW, shard_bytes=512_000_000).slices) for some in (before, after))
        alike.append(len(old - new))
    assert np.median(alike) <= 3  # of about 400 shards
    assert max(alike) <= 12


def test_a_middling_set_spreads_over_a_machine() -> None:
    found, _ = shared(sequences([300, 400, 500, 262, 450, 325, 375]), row_bytes=ROW, shard_bytes=256_000_000)
    assert shards.UNITS <= len(found) <= 3 * shards.UNITS
    assert shared([], row_bytes=ROW, shard_bytes=10).slices == []
