"""Masks and joints from frames to samples to training frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.contract.clips import TrainingFrame
from pipeline.feeding.augment import View, show
from pipeline.files import depth_codec
from pipeline.files.depths import DepthRow
from pipeline.files.frames import Frame, Objects, encode_jpeg
from pipeline.files.run_lengths import decode_mask, encode_mask
from pipeline.files.sample_store import SampleStore
from pipeline.files.sample_writer import SampleWriter
from pipeline.files.schema import Extras
from pipeline.packing.samples import Shape, pack
from pipeline.sources.jhmdb import JOINTS

WIDTH, HEIGHT = 128, 64
EXTRAS = Extras(masks=True, keypoints=17)


def frame() -> Frame:
    """Two people; one has a mask, a block with a joint in each of its corners."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[16:48, 32:64] = True
    joints = np.zeros((2, 17, 3), np.float32)
    joints[0, 5:9] = [[32, 16, 1], [64, 16, 1], [32, 48, 0], [64, 48, 1]]
    boxes = np.array([[32, 16, 64, 48], [80, 10, 100, 60]], np.float32)
    ones = np.ones(2, np.float32)
    objects = Objects(
        boxes, np.array([1, 2]), np.ones(2, np.int32), ones, ones, np.zeros(2, bool), np.array([encode_mask(mask), None]), joints
    )
    return Frame("d", "s", 1, 0.0, WIDTH, HEIGHT, encode_jpeg(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), 90), objects)


def stored(folder: Path, shape: Shape, extras: Extras) -> SampleStore:
    depth = DepthRow("d", "s", 1, depth_codec.encode(np.ones((9, 16), np.float32))[0], 0.1, np.ones(2, np.float32))
    (folder / "d").mkdir(parents=True)
    with SampleWriter(folder / "d" / "s-00000.arrow", row_group_bytes=1 << 20, facts={}, extras=extras) as writer:
        writer.add(pack(frame(), depth, shape, video=True, where="here", extras=extras))
    return SampleStore(folder)


def test_samples_carry_them_at_their_own_size_where_asked_for(tmp_path: Path) -> None:
    shape = Shape(64, 32, 4, 90, 1 << 20, 1 << 28, masks=True, keypoints=True)
    assert shape.carried(Extras(masks=True, keypoints=17, categories=True)) == EXTRAS
    assert shape.carried(Extras()) == replace(shape, masks=False, keypoints=False).carried(EXTRAS) == Extras()
    sample = stored(tmp_path / "with", shape, EXTRAS).row(0)
    assert sample.masks is not None
    assert sample.keypoints is not None
    rows, columns = np.nonzero(decode_mask(sample.masks[0], 32, 64))
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, len(rows)) == (16, 8, 32, 24, 256)
    assert sample.masks[1] is None
    assert sample.keypoints[0, 5:9].tolist() == [[16, 8, 1], [32, 8, 1], [16, 24, 0], [32, 24, 1]]
    plain = stored(tmp_path / "without", shape, Extras()).row(0)
    assert plain.masks is None
    assert plain.keypoints is None


def test_a_view_moves_masks_and_joints_with_their_boxes_and_a_mirror_swaps_sides() -> None:
    found = frame().objects
    mask = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    mask[0, 16:48, 32:64] = 1
    assert found.keypoints is not None
    given = TrainingFrame(
        np.zeros((HEIGHT, WIDTH, 3), np.uint8), found.boxes, found.identities, found.ignores, masks=mask, keypoints=found.keypoints
    )
    shown = show(given, View(shift_x=0.125), width=WIDTH, height=HEIGHT, depth_stride=4)
    assert shown.masks is not None
    assert shown.keypoints is not None
    assert shown.masks.shape == (2, HEIGHT, WIDTH)
    assert shown.masks[0, 16:48, 48:80].all()
    assert shown.masks.sum() == 32 * 32
    np.testing.assert_allclose(shown.keypoints[0, 5], [48, 16, 1], atol=1e-4)
    assert not shown.keypoints[1].any()
    mirrored = show(given, View(flip=True), width=WIDTH, height=HEIGHT, depth_stride=4)
    assert mirrored.masks is not None
    assert mirrored.keypoints is not None
    assert mirrored.masks[0, 16:48, 64:96].all()
    np.testing.assert_allclose(mirrored.keypoints[0, 6], [96, 16, 1], atol=1e-4)  # what was the left shoulder is the right one


def test_a_mirror_swaps_the_sides_of_jhmdbs_joints_too() -> None:
    joints = np.zeros((1, len(JOINTS), 3), np.float32)
    for side, left in (("right_shoulder", 10), ("left_shoulder", 30), ("left_ankle", 40), ("belly", 20)):
        joints[0, JOINTS.index(side)] = left, 8, 1
    boxes, one = np.array([[0, 0, 50, 40]], np.float32), np.ones(1, np.int64)
    given = TrainingFrame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), boxes, one, np.zeros(1, np.bool_), keypoints=joints)
    found = show(given, View(flip=True), width=WIDTH, height=HEIGHT, depth_stride=4).keypoints
    assert found is not None
    expected = {"left_shoulder": 10, "right_shoulder": 30, "right_ankle": 40, "belly": 20}
    assert {name: WIDTH - found[0, JOINTS.index(name), 0] for name in expected} == pytest.approx(expected)
    assert found[0, :, 2].sum() == 4
