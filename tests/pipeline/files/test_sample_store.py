from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.artifacts.store import place
from pipeline.errors import UserError
from pipeline.files.sample_store import SampleStore, SampleWriter, partner_reach


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
    folder.mkdir(parents=True, exist_ok=True)
    for number, rows in enumerate(shards):
        with SampleWriter(folder / f"part-{number:05d}.parquet", row_group_bytes=row_group_bytes, facts={"kind": "video"}) as writer:
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


def test_images_of_a_local_file_are_not_kept(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    # several pages of a megabyte each, the same image twice, one that begins as the one before, an empty one
    images = [random.bytes(size) for size in (400_000, 700_000, 90_000, 5_000, 40)]
    images += [images[1], images[1][:300_000], b"", images[3]]
    rows = [row(frame, depth=frame % 3 > 0) | {"image": image} for frame, image in enumerate(images, 1)]
    store = SampleStore(write(tmp_path, [rows], row_group_bytes=4_000_000))
    assert [store.row(index).image for index in range(9)] == images
    assert [store.row(index).depth for index in range(9)] == [b"map", b"map", None] * 3
    assert store._cached_bytes < 5_000


def test_images_from_a_url_and_compressed_ones_are_kept(tmp_path: Path) -> None:
    rows = [row(frame, size=50_000, depth=frame % 2 > 0) for frame in range(1, 7)]
    path = write(tmp_path, [rows], row_group_bytes=100_000) / "part-00000.parquet"
    place("memory://kept/part-00000.parquet").write_bytes(path.read_bytes())
    pq.write_table(pq.read_table(path), path, row_group_size=2, compression="zstd", use_dictionary=False)
    for store in (SampleStore(place("memory://kept")), SampleStore(tmp_path)):
        assert [store.row(index).image for index in range(6)] == [made["image"] for made in rows]
        assert [store.row(index).depth for index in range(6)] == [b"map", None] * 3
        assert store._cached_bytes > 250_000


def test_a_pickled_store_reads_in_another_process(tmp_path: Path) -> None:
    store = SampleStore(write(tmp_path, [[row(1), row(2)]]))
    store.row(0)
    copy = pickle.loads(pickle.dumps(store))
    assert not copy._files
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
    assert (tmp_path / "a/part-00000.parquet").read_bytes() == (tmp_path / "b/part-00000.parquet").read_bytes()


def test_an_empty_folder_and_a_row_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no samples"):
        SampleStore(tmp_path)
    store = SampleStore(write(tmp_path, [[row(1)]]))
    with pytest.raises(IndexError):
        store.row(1)
    pq.write_table(pq.read_table(tmp_path / "part-00000.parquet").replace_schema_metadata(None), tmp_path / "part-00001.parquet")
    with pytest.raises(UserError, match="not a Throughline file"):
        SampleStore(tmp_path)
