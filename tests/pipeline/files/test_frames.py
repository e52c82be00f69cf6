from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import UserError
from pipeline.files import schema
from pipeline.files.frames import Frame, FrameWriter, Objects, decode_jpeg, encode_jpeg, frame_facts, frame_files, read_frames

FACTS = {"dataset": "d", "sequence": "s", "kind": "video", "frame_rate": 10.0}


def some_objects(count: int) -> Objects:
    boxes = np.arange(count * 4, dtype=np.float32).reshape(count, 4) - 1.5
    ones = np.ones(count, np.float32)
    return Objects(boxes, np.arange(count) - 1, np.full(count, 8, np.int32), ones * 0.25, ones, np.arange(count) % 2 == 0)


def some_frames(count: int, size: int = 1000) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [
        Frame(
            dataset="d",
            sequence="s",
            frame=2 * index + 1,
            time=index / 7,
            width=64,
            height=48,
            image=rng.bytes(size),
            objects=some_objects(index % 3),
            public_boxes=np.full((index % 2, 4), index, np.float32),
            public_scores=np.full(index % 2, 0.5, np.float32),
        )
        for index in range(count)
    ]


def write(path: Path, frames: list[Frame], row_group_mb: float = 1.0) -> Path:
    with FrameWriter(path, FACTS, row_group_mb) as writer:
        for frame in frames:
            writer.write(frame)
        writer.close(objects=3)
    return path


def assert_same(one: Frame, other: Frame) -> None:
    for name in ("dataset", "sequence", "frame", "time", "width", "height", "image"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("boxes", "identities", "classes", "visibilities", "confidences", "ignores"):
        np.testing.assert_array_equal(getattr(one.objects, name), getattr(other.objects, name))
        assert getattr(one.objects, name).dtype == getattr(other.objects, name).dtype
    np.testing.assert_array_equal(one.public_boxes, other.public_boxes)
    np.testing.assert_array_equal(one.public_scores, other.public_scores)


@pytest.mark.parametrize("count", [0, 1, 20])
def test_frames_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    frames = some_frames(count)
    read = list(read_frames(write(tmp_path / "s.parquet", frames, row_group_mb=0.006)))
    assert len(read) == count
    for one, other in zip(frames, read, strict=True):
        assert_same(one, other)


def test_row_groups_are_capped_in_bytes_and_hold_at_least_one_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "s.parquet", some_frames(9, size=3000), row_group_mb=0.0085)
    assert pq.ParquetFile(path).num_row_groups == 5
    assert pq.ParquetFile(write(tmp_path / "t.parquet", some_frames(3, size=3000), row_group_mb=0.001)).num_row_groups == 3


def test_only_the_wanted_columns_are_read(tmp_path: Path) -> None:
    frame = list(read_frames(write(tmp_path / "s.parquet", some_frames(3)), ["frame", "boxes"]))[2]
    assert (frame.frame, frame.image, frame.width) == (5, b"", 0)
    assert frame.objects.boxes.shape == (2, 4)
    assert frame.objects.identities.shape == (0,)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a", some_frames(9)).read_bytes() == write(tmp_path / "b", some_frames(9)).read_bytes()


def test_a_file_without_masks_has_the_bytes_of_before_there_were_any(tmp_path: Path) -> None:
    path = write(tmp_path / "a", some_frames(9))
    assert pq.read_schema(path).names == schema.FRAMES.names
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == "e101bda900784add"


def test_masks_come_back_as_they_were_and_only_where_the_file_has_them(tmp_path: Path) -> None:
    plain = some_frames(6)
    masks = [np.array(["0<", None, "PPYo1"][: len(frame.objects)], object) for frame in plain]
    frames = [replace(frame, objects=replace(frame.objects, masks=mask)) for frame, mask in zip(plain, masks, strict=True)]
    frames[4] = plain[4]  # whose source drew none
    with FrameWriter(tmp_path / "s", FACTS, 0.002, schema.Extras(masks=True)) as writer:
        for frame in frames:
            writer.write(frame)
    for one, other, expected in zip(frames, read_frames(tmp_path / "s"), masks, strict=True):
        assert_same(one, other)
        assert other.objects.masks is not None
        assert other.objects.masks.tolist() == ([None] * len(expected) if one is plain[4] else expected.tolist())
    kept = frames[5].objects.take(np.array([1]))
    assert kept.masks is not None
    assert kept.masks.tolist() == [None]
    assert plain[5].objects.take(np.array([1])).masks is None
    assert next(read_frames(write(tmp_path / "t", plain))).objects.masks is None


def test_joints_names_and_public_shapes_come_back_and_files_without_them_read_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = []
    for frame in some_frames(5):
        count, found = len(frame.objects), len(frame.public_boxes)
        objects = replace(frame.objects, keypoints=rng.random((count, 17, 3), np.float32), categories=np.array(["van"] * count, object))
        masks = np.array(["0<"] * found, object)
        frames.append(replace(frame, objects=objects, public_masks=masks, public_keypoints=rng.random((found, 5, 3), np.float32)))
    extras = schema.Extras(keypoints=17, categories=True, public_masks=True, public_keypoints=5)
    with FrameWriter(tmp_path / "s", FACTS, 0.002, extras) as writer:
        for frame in [*frames, replace(frames[0], objects=some_frames(1)[0].objects)]:
            writer.write(frame)
    *read, last = read_frames(tmp_path / "s")
    for frame, other in zip(frames, read, strict=True):
        for name in ("keypoints", "categories"):
            np.testing.assert_array_equal(getattr(other.objects, name), getattr(frame.objects, name))
        np.testing.assert_array_equal(other.public_masks, frame.public_masks)
        np.testing.assert_array_equal(other.public_keypoints, frame.public_keypoints)
    assert last.objects.keypoints is not None
    assert last.objects.keypoints.shape == (len(last.objects), 17, 3)
    assert not last.objects.keypoints.any()
    wanted = ("frame", "boxes", "keypoints", "public_masks")
    assert next(read_frames(write(tmp_path / "t", some_frames(2)), wanted)).objects.keypoints is None


def test_images_are_stored_as_they_are(tmp_path: Path) -> None:
    frames = some_frames(2)
    stored = write(tmp_path / "s.parquet", frames).read_bytes()
    assert all(frame.image in stored for frame in frames)


def test_facts_and_summary(tmp_path: Path) -> None:
    facts = frame_facts(write(tmp_path / "s.parquet", some_frames(4)))
    assert facts == {**FACTS, "version": 1, "frames": 4, "summary": {"objects": 3}}


def test_a_writer_that_fails_keeps_the_first_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="first"), FrameWriter(tmp_path / "s.parquet", FACTS) as writer:
        writer.write(some_frames(1)[0])
        raise KeyError("first")


def test_foreign_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    foreign, damaged = tmp_path / "foreign.parquet", tmp_path / "damaged.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    damaged.write_bytes(write(tmp_path / "s.parquet", some_frames(2)).read_bytes()[:-20])
    for path, words in ((foreign, "not a Throughline file"), (damaged, "not a readable"), (tmp_path / "none.parquet", "no such")):
        with pytest.raises(UserError, match=words) as caught:
            list(read_frames(path))
        assert str(path) in str(caught.value)


def test_frame_files_are_ordered_and_temporary_ones_are_not_among_them(tmp_path: Path) -> None:
    for name in ("b/1.parquet", "a/2.parquet", "a/.3.parquet", "manifest.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in frame_files(tmp_path)] == ["a/2.parquet", "b/1.parquet"]


def test_jpeg_keeps_colours_in_rgb_order() -> None:
    red = np.zeros((16, 24, 3), np.uint8)
    red[..., 0] = 200
    decoded = decode_jpeg(encode_jpeg(red, 95), "here")
    assert decoded.shape == (16, 24, 3)
    assert np.abs(decoded.astype(int) - red).max() < 6


@pytest.mark.parametrize("image", [b"", b"text"])
def test_what_is_no_image_is_named(image: bytes) -> None:
    with pytest.raises(UserError, match="sequence s frame 3"):
        decode_jpeg(image, "sequence s frame 3")
