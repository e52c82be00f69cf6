from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.artifacts.store import place
from pipeline.errors import UserError
from pipeline.files import sample_store
from pipeline.files.sample_store import SampleStore, partner_reach, read_columns
from pipeline.files.sample_writer import SampleWriter


def row(frame: int, *, sequence: str = "s", size: int = 1000, objects: int = 2, video: bool = True, depth: bool = True) -> dict[str, Any]:
    numbers = list(range(objects))
    return {
        "dataset": "d",
        "sequence": sequence,
        "frame": frame,
        "video": video,
        "width": 64,
        "height": 48,
        "image": bytes([frame % 256]) * size,
        "boxes": [[float(number), float(frame), number + 10.5, frame + 20.0] for number in numbers],
        "identities": [100 + number for number in numbers],
        "classes": [1] * objects,
        "visibilities": [0.5] * objects,
        "confidences": [1.0] * objects,
        "ignores": [number % 2 == 1 for number in numbers],
        "depth": b"map" if depth else None,
        "depth_scale": 0.25 if depth else None,
        "object_depths": [3.0] * objects,
    }


def write(folder: Path, shards: list[list[dict[str, Any]]], row_group_bytes: int = 10_000) -> Path:
    (folder / "d").mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(shards):
        with SampleWriter(folder / "d" / f"s-{number:05d}.arrow", row_group_bytes=row_group_bytes, facts={"kind": "video"}) as writer:
            for item in rows:
                writer.add(item)
    return folder


def test_every_row_comes_back_across_row_groups_and_shards(tmp_path: Path) -> None:
    rows = [row(frame, objects=frame % 4) for frame in range(1, 61)]
    store = SampleStore(write(tmp_path, [rows[:35], rows[35:]]))
    assert len(store) == 60
    for index in [0, 34, 35, 59, 3, 58, *range(60)]:
        sample, made = store.row(index), rows[index]
        assert (sample.dataset, sample.sequence, sample.frame, sample.video) == ("d", "s", index + 1, True)
        assert sample.image == made["image"]
        assert sample.boxes.dtype == np.float32
        assert sample.boxes.shape == (len(made["boxes"]), 4)
        assert sample.boxes.tolist() == made["boxes"]
        assert sample.identities.tolist() == made["identities"]
        assert sample.ignores.dtype == np.bool_
        assert sample.ignores.tolist() == made["ignores"]
        assert (sample.depth, sample.depth_scale) == (b"map", 0.25)


def test_row_groups_keep_to_their_cap_and_cover_all_rows(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(frame) for frame in range(1, 48)], [row(48)]]))
    assert [first for first, _ in store.row_groups] == np.cumsum([0, *(rows for _, rows in store.row_groups)])[:-1].tolist()
    assert sum(rows for _, rows in store.row_groups) == 48
    sizes = [rows * 1003 for _, rows in store.row_groups]
    assert max(sizes) <= 10_000
    assert min(sizes[:-1]) > 4_000  # the last two of a shard share what is left; only a shard of one row has so small a group


def test_a_row_larger_than_the_cap_is_a_group_of_its_own(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(1, size=50_000), row(2, size=50_000), row(3, size=10)]]))
    assert store.row_groups == [(0, 1), (1, 1), (2, 1)]


def test_partners_lie_in_the_same_or_the_next_row_group_when_ten_rows_fit(tmp_path: Path) -> None:
    rows = [row(frame, sequence=name, size=780) for name in ("a", "b", "c") for frame in range(1, 38)]
    store = SampleStore(write(tmp_path / "wide", [rows], row_group_bytes=24_000))
    assert partner_reach(store.index, store.row_groups, 10) == 1
    narrow = SampleStore(write(tmp_path / "narrow", [rows], row_group_bytes=2_000))
    assert partner_reach(narrow.index, narrow.row_groups, 10) > 1


def test_the_index_tells_rows_apart(tmp_path: Path) -> None:
    rows = [row(1, sequence="a"), row(2, sequence="a"), row(1, sequence="b", video=False)]
    index = SampleStore(write(tmp_path, [rows])).index
    assert index.frame.tolist() == [1, 2, 1]
    assert index.sequence.tolist() == [0, 0, 1]
    assert index.dataset.tolist() == [0, 0, 0]
    assert index.video.tolist() == [True, True, False]


def test_the_cache_stays_below_its_cap_and_keeps_the_last_group(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(frame) for frame in range(1, 101)]]), cache_bytes=4_000)
    for index in range(100):
        store.row(index)
        assert store._cached_bytes <= 4_000
        assert store._cached_bytes == sum(group.bytes for group in store._cache.values())
    assert len(store._cache) > 1
    tiny = SampleStore(tmp_path, cache_bytes=1)
    assert tiny.row(99).frame == 100
    assert len(tiny._cache) == 1


def test_images_of_a_local_file_stay_there_and_those_from_a_url_are_kept(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = [random.bytes(size) for size in (400_000, 700_000, 5_000, 0, 5_000)]
    rows = [row(frame, depth=frame % 3 > 0) | {"image": image} for frame, image in enumerate(images, 1)]
    shard = write(tmp_path, [rows], row_group_bytes=4_000_000) / "d/s-00000.arrow"
    place("memory://kept/d/s-00000.arrow").write_bytes(shard.read_bytes())
    for folder, least, most in ((tmp_path, 0, 5_000), (place("memory://kept"), 1_110_000, 1_120_000)):
        store = SampleStore(folder)
        assert [store.row(index).image for index in range(5)] == images
        assert [store.row(index).depth for index in range(5)] == [b"map", b"map", None, b"map", b"map"]
        assert least < store._cached_bytes < most


def test_few_of_many_shards_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_store, "READERS", 2)
    store = SampleStore(write(tmp_path, [[row(frame)] for frame in range(1, 9)]), cache_bytes=1)
    for index in [*range(8), 0, 7]:
        assert store.row(index).frame == index + 1
        assert len(store._readers) <= 2


def test_shards_of_a_sequence_follow_each_other_whatever_its_name(tmp_path: Path) -> None:
    names = ["s-00000.arrow", "s-00001.arrow", "s-00000-00000.arrow", "s-1-00000.arrow"]  # sequences s, s-00000 and s-1
    for number, name in enumerate(names):
        made = write(tmp_path / "made", [[row(number + 1)]]) / "d/s-00000.arrow"
        (tmp_path / "d").mkdir(exist_ok=True)
        made.rename(tmp_path / "d" / name)
    assert SampleStore(tmp_path).index.frame.tolist() == [1, 2, 3, 4]


def test_some_columns_of_all_row_groups(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(frame) for frame in range(1, 31)], [row(31)]]))
    first, second = read_columns(store.shards, ["identities", "frame"])
    assert [number for batch in first for number in batch.column("frame").to_pylist()] == list(range(1, 31))
    assert [batch.num_rows for batch in [*first, *second]] == [rows for _, rows in store.row_groups]
    assert second[0].to_pydict() == {"identities": [[100, 101]], "frame": [31]}


def test_a_pickled_store_reads_in_another_process(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(1), row(2)]]))
    store.row(0)
    copy = pickle.loads(pickle.dumps(store))
    assert not copy._readers
    assert copy.row(1).frame == 2


def test_rows_without_depth_or_objects(tmp_path: Path) -> None:
    sample = SampleStore(write(tmp_path, [[row(1, objects=0, depth=False)]])).row(0)
    assert sample.depth is None
    assert sample.depth_scale == 0.0
    assert sample.boxes.shape == (0, 4)
    assert sample.identities.shape == (0,)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [[row(frame) for frame in range(1, 30)]])
    assert (tmp_path / "a/d/s-00000.arrow").read_bytes() == (tmp_path / "b/d/s-00000.arrow").read_bytes()


def test_an_empty_folder_and_a_row_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no samples"):
        SampleStore(tmp_path)
    store = SampleStore(write(tmp_path, [[row(1)]]))
    with pytest.raises(IndexError):
        store.row(1)
    for content, message in (
        (b"", "not a readable Arrow file"),
        (b"PAR1" * 9, "not a readable Arrow file"),
        (_unstamped(), "not a Throughline file"),
    ):
        (tmp_path / "d/s-00001.arrow").write_bytes(content)
        with pytest.raises(UserError, match=message):
            SampleStore(tmp_path)


def _unstamped() -> bytes:
    sink, table = pa.BufferOutputStream(), pa.table({"frame": [1]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
