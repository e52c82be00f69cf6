from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any
from unittest import mock

import av
import cv2
import numpy as np
import pytest

from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files.run_lengths import mask_areas
from pipeline.params.classes import CYCLIST, PEDESTRIAN
from pipeline.walkers import labels, tasks
from pipeline.walkers.render import render
from pipeline.walkers.scene import sample_sequence
from tests.pipeline.walkers.settings import section, tiny


def publication(folder: Path) -> Publication:
    return Publication(folder, "render_walkers", "0" * 64)


def make(folder: Path, seed: int = 1, **changes: Any) -> Publication:
    made = publication(folder)
    todo = tasks.plan(made, tiny(**changes), seed)
    for task in todo:
        tasks.perform(task)
    tasks.join_stills(made, todo)
    return made


def test_a_plan_covers_every_frame_and_still() -> None:
    todo = tasks.plan(publication(Path("x")), tiny(sequences=3, stills_train=50, stills_val=2), 1)
    assert [task.first for task in todo if task.kind == "sequence"] == [1, 2, 3]
    assert [(task.first, task.count) for task in todo if task.kind == "train"] == [(1, 24), (25, 24), (49, 2)]
    assert len({task.marker for task in todo}) == len(todo)


@pytest.mark.parametrize(("share", "expected"), [(0.0, []), (0.25, [4, 8]), (0.5, [2, 4, 6, 8]), (1.0, [1, 2, 3, 4, 5, 6, 7, 8])])
def test_the_asked_share_of_cameras_moves(share: float, expected: list[int]) -> None:
    assert [number for number in range(1, 9) if tasks.is_moving(number, share)] == expected


def test_the_layout_is_the_public_one(tmp_path: Path) -> None:
    root = make(tmp_path / "walkers").partial
    first, second = root / "sequences/walkers-01", root / "sequences/walkers-02"
    assert (first / "walkers-01.mp4").is_file()
    assert not (first / "img1").exists()
    assert [path.name for path in sorted((second / "img1").iterdir())] == [f"{n:06d}.jpg" for n in range(1, 5)]
    for folder in (first, second):
        rows = np.loadtxt(folder / "gt/gt.txt", delimiter=",", ndmin=2)
        assert rows.shape[1] == 9
        assert set(rows[:, 0]) <= {1, 2, 3, 4}
        assert ((rows[:, 8] >= 0) & (rows[:, 8] <= 1)).all()
        assert (folder / "det/det.txt").is_file()
        assert (folder / "seqinfo.ini").is_file()
        scale = float((folder / "depth/scale.txt").read_text())
        depth = cv2.imread(str(folder / "depth/000001.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        assert depth.shape == (32, 48)
        assert 1.0 < depth.min() * scale < depth.max() * scale < 66.0


def test_a_video_gives_every_frame_back_in_order_with_its_time_and_colour(tmp_path: Path) -> None:
    task = tasks.plan(publication(tmp_path), tiny(sequences=1), 1)[0]
    rng = np.random.default_rng(0)
    tint = np.array([60, 0, 30], np.uint8)  # channels differ, so that none may change places
    images = [np.full((64, 96, 3), 40 + 20 * index, np.uint8) + tint + rng.integers(0, 9, (64, 96, 3), np.uint8) for index in range(7)]
    with tasks._frames(task, tmp_path, "a") as append:
        for image in images:
            append(image)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        frames = list(container.decode(video=0))
    assert [float(frame.time) for frame in frames] == pytest.approx([index / 15 for index in range(7)])
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.to_ndarray(format="bgr24").astype(int) - image).mean() < 6


def test_stills_are_listed_once_each_with_their_image(tmp_path: Path) -> None:
    stills = make(tmp_path / "walkers").partial / "stills"
    for kind, count in (("train", 3), ("val", 1)):
        records = [json.loads(line) for line in (stills / f"annotation_{kind}.odgt").read_text().splitlines()]
        assert [record["ID"] for record in records] == [f"{kind}-{number:06d}" for number in range(1, count + 1)]
        for record in records:
            assert cv2.imread(str(stills / "Images" / f"{record['ID']}.jpg")).shape == (128, 192, 3)
            assert (stills / "depth" / f"{record['ID']}.png").is_file()
    assert sorted(path.name for path in stills.glob("*.odgt")) == ["annotation_train.odgt", "annotation_val.odgt"]


def test_masks_and_joints_change_no_byte_of_what_is_there_without_them(tmp_path: Path) -> None:
    plain, shaped = (
        make(tmp_path / "plain", stills_train=0, stills_val=0),
        make(tmp_path / "shaped", stills_train=0, stills_val=0, masks=True, joints=True),
    )
    added = []
    for path in sorted(shaped.partial.rglob("*")):
        name = path.relative_to(shaped.partial)
        if path.is_file() and not name.as_posix().startswith(".parts"):
            if (plain.partial / name).is_file():
                assert (plain.partial / name).read_bytes() == path.read_bytes(), name
            else:
                added.append(name.as_posix())
    files = ("det/mots.txt", "det/poses.json", "gt/mots.txt", "gt/poses.json")
    assert added == [f"sequences/walkers-0{number}/{file}" for number in (1, 2) for file in files]


def test_cyclists_are_a_class_of_their_own_and_change_nobody_else(tmp_path: Path) -> None:
    shape = {"cyclists": 2, "frames": 12, "sequences": 1, "stills_train": 2, "stills_val": 0, "width": 320, "height": 192}
    made = make(tmp_path / "walkers", masks=True, **shape).partial
    rows = np.loadtxt(made / "sequences/walkers-01/gt/gt.txt", delimiter=",", ndmin=2)
    assert set(rows[:, 7]) == {PEDESTRIAN, CYCLIST}
    riders = rows[rows[:, 7] == CYCLIST]
    assert set(riders[:, 1]) <= {5, 6}  # after the four who walk
    alone = np.loadtxt(make(tmp_path / "without", **(shape | {"cyclists": 0})).partial / "sequences/walkers-01/gt/gt.txt", delimiter=",")
    walkers = rows[rows[:, 7] == PEDESTRIAN]
    np.testing.assert_array_equal(walkers[:, :7], alone[:, :7])
    assert (walkers[:, 8] <= alone[:, 8]).all()  # whoever rides may hide someone
    content = json.loads((made / "stills/annotations/train.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["Images/train-000001.jpg", "Images/train-000002.jpg"]
    assert {item["category_id"] for item in content["annotations"]} == {PEDESTRIAN, CYCLIST}
    for item in content["annotations"]:
        assert mask_areas([item["segmentation"]["counts"]], 192, 320)[0] == item["area"]
    assert not list((made / "stills").glob("*.odgt"))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    digests = [make(tmp_path / name, seed).publish().digest for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    assert digests[0] == digests[1] != digests[2]


def test_a_finished_task_is_not_done_again_and_a_half_done_one_is(tmp_path: Path) -> None:
    made = publication(tmp_path / "walkers")
    first, second = tasks.plan(made, tiny(stills_train=0, stills_val=0), 1)
    tasks.perform(first)
    video = made.path("sequences/walkers-01/walkers-01.mp4")
    before = video.stat().st_mtime_ns
    broken = made.path("sequences/walkers-02/img1/000001.jpg")
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"half a pict")
    tasks.perform(first)
    tasks.perform(second)
    assert video.stat().st_mtime_ns == before
    assert cv2.imread(str(broken)) is not None


def test_a_full_disk_is_a_users_error_and_leaves_the_task_undone(tmp_path: Path) -> None:
    task = tasks.plan(publication(tmp_path / "walkers"), tiny(), 1)[1]
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(Path, "write_bytes", side_effect=full), pytest.raises(UserError, match="no space"):
        tasks.perform(task)
    assert not task.publication.done(task.marker)


def test_default_settings_occlude_at_least_a_quarter_of_the_people_and_stay_learnable() -> None:
    """A third of the frames of three short sequences; the full default set is measured by the stage itself."""
    shorter = section(sequences=3, frames=15, frame_rate=5.0)
    truth = []
    for number in (1, 2, 3):
        made = sample_sequence(shorter, 1, tasks.sequence_name(number), moving=tasks.is_moving(number, shorter.moving_camera))
        truth.append(labels.ground_truth([labels.kept(frame.labels) for frame in render(made)]))
    summary = labels.summarise(truth, 3 * 15)
    assert summary is not None
    assert summary.identities_half_occluded >= 0.25
    assert 0.08 < summary.boxes_half_occluded < 0.35
    assert summary.boxes_hidden < 0.1
    assert 6 < summary.people_per_frame < 14
    assert summary.height_p5 > 50
    assert 75 < summary.height_p50 < 150
    assert summary.height_p95 < 240
