"""A sequence has shards of its own, named and cut by itself alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.artifacts.publication import Publication
from pipeline.packing.samples import Shape
from pipeline.packing.shards import Shard, Source, plan_shards

SHAPE = Shape(width=1000, height=1000, depth_stride=4, jpeg_quality=95, row_group_bytes=2_000_000, shard_bytes=60_000_000)  # 100 rows
PUBLICATION = Publication(Path("samples"), "pack_samples", "3" * 64)


def plan(rows: dict[str, int], **changes: str) -> list[Shard]:
    sources = [Source(Path(f"frames/set/{name}.parquet"), Path("d"), count, f"{name} {count}") for name, count in rows.items()]
    return plan_shards(changes.get("kind", "video"), sources, SHAPE, PUBLICATION, changes.get("code", ""))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, []),  # nothing trains
        (1, [1]),
        (100, [100]),  # just fits
        (101, [50, 51]),  # no shard of a single frame
        (1000, [100] * 10),
        (1001, [91] * 11),
    ],
)
def test_long_sequences_are_divided_evenly(rows: int, expected: list[int]) -> None:
    found = plan({"a": rows})
    assert [shard.rows for shard in found] == expected
    assert [shard.first for shard in found] == [sum(expected[:number]) for number in range(len(expected))]
    assert [shard.name for shard in found] == [f"video/set/a-{number:05d}.arrow" for number in range(len(expected))]


@pytest.mark.parametrize(
    ("after", "written"),
    [
        ({"a": 90, "aa": 30, "b": 250}, {"aa": 1}),  # comes
        ({"b": 250}, {}),  # goes
        ({"a": 90, "b": 251}, {"b": 3}),  # grows
        ({"a": 90, "b": 250}, {}),
    ],
)
def test_a_change_writes_the_shards_of_its_sequence_and_no_others(after: dict[str, int], written: dict[str, int]) -> None:
    known = {(shard.name, shard.key) for shard in plan({"a": 90, "b": 250})}
    new = [shard.source.frames.stem for shard in plan(after) if (shard.name, shard.key) not in known]
    assert {name: new.count(name) for name in new} == written


def test_other_code_kinds_and_places_have_other_keys() -> None:
    found = [*plan({"a": 150}), *plan({"a": 150}, code="b"), *plan({"a": 150}, kind="stills"), *plan({"b": 150})]
    assert len({shard.key for shard in found}) == len(found) == 8
