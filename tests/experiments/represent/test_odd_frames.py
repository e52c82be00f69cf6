"""Frames that show little: one alone, masks below a cell, poses of few joints, masks that overlap, maps that are not finite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from experiments.represent import followed_masks, followed_poses, joined_instances, joined_masks, joined_poses
from experiments.represent.shown import Shown, judge
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from pipeline.errors import UserError
from pipeline.files.frames import Frame, FrameWriter, read_frames
from pipeline.files.run_lengths import encode_window
from pipeline.files.schema import Extras
from tests.experiments.represent.stripes import HEIGHT, JOINTS, WIDTH, write

FOLLOWED, JOINED = [followed_masks, followed_poses], [joined_masks, joined_poses, joined_instances]


@pytest.fixture(scope="module")
def network() -> Representation:
    torch.manual_seed(0)
    return build(RepresentationOptions(network="resnet18", layer="layer2"))


def changed(shown: list[Shown], change: Any) -> list[Shown]:
    """The same sequence with a change of each frame."""
    path, extras = Path(str(shown[0].frames)), Extras(True, JOINTS, True, True, JOINTS)
    frames = [cast(Frame, change(frame)) for frame in read_frames(path)]
    with FrameWriter(path, {"frame_rate": 10.0, "ground_truth": True}, extras=extras) as writer:
        for frame in frames:
            writer.write(frame)
    return shown


def test_one_frame_is_joined_and_has_nothing_to_be_handed_on_to(tmp_path: Path, network: Representation) -> None:
    shown = write(tmp_path / "s.parquet", [[40, 120]])
    masks, poses, instances = judge(JOINED, shown, network, 0)
    assert (masks["RSM"]["IDF1"], poses["RSM"]["IDF1"]) == (100, 100)
    assert np.isfinite(instances["RSM"]["AP"])
    masks, poses = judge(FOLLOWED, shown, network, 0)
    assert (masks["still"]["objects"], poses["still"]["people"]) == (0, 0)


def test_masks_that_vanish_at_stride_8_are_lost_and_no_error(tmp_path: Path, network: Representation) -> None:
    """The first person's mask is 2x2 pixels, off the middle of every cell."""

    def shrink(frame: Frame) -> Frame:
        masks = np.array([encode_window(np.ones((2, 2), np.bool_), 41, 33, HEIGHT, WIDTH), *cast(Any, frame.objects.masks)[1:]], object)
        return replace(frame, objects=replace(frame.objects, masks=masks), public_masks=masks)

    shown = changed(write(tmp_path / "s.parquet", [[40, 120]] * 4), shrink)
    (followed,) = judge([followed_masks], shown, network, 0)
    assert followed["still"]["J"] == 100
    assert followed["propagation"]["objects"] == 2
    assert 40 < followed["propagation"]["J"] < 60, "one of two is lost"
    masks, instances = judge([joined_masks, joined_instances], shown, network, 0)
    assert 50 <= masks["RSM"]["IDF1"] < 100
    assert np.isfinite(instances["RSM"]["AP"])


@pytest.mark.parametrize("known", [0, 1, 2])
def test_poses_of_few_joints_are_judged_by_those(tmp_path: Path, network: Representation, known: int) -> None:
    def forget(frame: Frame) -> Frame:
        joints = cast(Any, frame.objects.keypoints).copy()
        joints[:, 5 + known :] = 0
        joints[:, :5] = 0
        return replace(frame, objects=replace(frame.objects, keypoints=joints), public_keypoints=joints)

    shown = changed(write(tmp_path / "s.parquet", [[40, 120]] * 3), forget)
    poses, followed = judge([joined_poses, followed_poses], shown, network, 0)
    assert poses["motion alone"]["IDSW"] == 0
    assert poses["RSM"]["IDSW"] == 2 * 2 * known, "the shoulders are no limb, so that there is no cell to look at"
    assert poses["motion alone"]["MOTA"] == pytest.approx(100 * known / 15), "a mean over joints, of which nobody has the others"
    assert followed["still"]["people"] == (2 if known else 0)
    assert known == 0 or followed["still"]["PCK@0.1"] == 100, "nobody moves; one joint alone has no extent, and is where it was"


def test_masks_that_overlap_are_a_users_mistake(tmp_path: Path, network: Representation) -> None:
    shown = write(tmp_path / "s.parquet", [[40, 60]] * 2)
    with pytest.raises(UserError, match=r"d/s: frame 1: the masks of 1 and 2 overlap\nnext: mend the masks"):
        judge(FOLLOWED, shown, network, 0)


def test_maps_that_are_not_finite_are_said_and_join_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(image: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(features=torch.full((1, 4, HEIGHT // 8, WIDTH // 8), float("nan")))

    shown = write(tmp_path / "s.parquet", [[40, 120]] * 3)
    masks, poses, instances = judge(JOINED, shown, cast(Representation, broken), 0)
    assert masks["RSM"]["IDF1"] < masks["motion alone"]["IDF1"] == 100
    assert np.isfinite([poses["RSM"]["IDF1"], instances["RSM"]["AP"]]).all()
    judge(FOLLOWED, shown, cast(Representation, broken), 0)
    said = f"{shown[0].frames}: {3 * HEIGHT * WIDTH // 64} cells of its maps are not finite; they are alike to nothing\n"
    assert capsys.readouterr().out == 2 * said
