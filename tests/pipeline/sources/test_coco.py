from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources.coco import plan
from pipeline.sources.defects import Defects
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import coco, coco_video
from tests.pipeline.sources.mutations import change_json, lines_of

STILLS, VIDEOS = "annotations/instances_val2017.json", "annotations/train_cocoformat.json"


def planned(root: Path, strict: bool = True, per_file: int = 8) -> Plan:
    return plan(Source(name="set", kind="coco", root="", sequences=None, images_per_file=per_file), root, strict)


def test_stills(tmp_path: Path) -> None:
    first, second = planned(coco(tmp_path), per_file=2).sequences
    assert [(item.name, item.kind, item.frames) for item in (first, second)] == [
        ("instances_val2017-00000", "stills", 2),
        ("instances_val2017-00001", "stills", 1),
    ]
    frames = list(first.read(90, Defects(tmp_path, True)))
    assert [frame.frame for frame in frames] == [1, 2]
    assert frames[0].objects.boxes.tolist() == [[10.5, 20, 22.5, 50]] * 2
    assert frames[0].objects.classes.tolist() == [1, 3]
    assert frames[1].objects.ignores.tolist() == [True]  # iscrowd
    assert second.annotation.objects.classes.tolist() == [9]  # a dog among people and cars is background
    assert first.annotation.where(2) == f"{STILLS}: annotations[2]"
    assert frames[0].image == (tmp_path / "val2017/000000000139.jpg").read_bytes()


@pytest.mark.parametrize(("classes", "kinds", "scored"), [("motchallenge", [1, 9], [1, 0]), ("own", [1, 18], [1, 1])])
def test_own_classes_are_scored(tmp_path: Path, classes: Any, kinds: list[int], scored: list[int]) -> None:
    change_json(coco(tmp_path) / STILLS, lambda content: content["categories"][1].update(name="cyclist"))
    source = Source(name="set", kind="coco", root="", sequences=None, images_per_file=8, classes=classes)
    found = plan(source, tmp_path, True).sequences[0]
    assert found.annotation.objects.classes[:2].tolist() == kinds
    assert found.annotation.objects.confidences[:2].tolist() == scored
    assert "classes" not in source.model_copy(update={"classes": "motchallenge"}).model_dump(), "digests of before hold"


def test_videos(tmp_path: Path) -> None:
    first, second = planned(coco_video(tmp_path)).sequences
    assert [(item.name, item.frames, item.frame_rate) for item in (first, second)] == [
        ("MOT17-02-FRCNN", 3, 30.0),
        ("val-MOT17-04", 2, 30.0),
    ]
    assert [len(item.notes) for item in (first, second)] == [0, 1]
    frames = list(first.read(90, Defects(tmp_path, True)))
    assert [(frame.frame, frame.objects.identities.tolist()) for frame in frames] == [(1, [1, 2]), (2, [1, 2]), (3, [1, 2])]
    assert frames[0].objects.visibilities.tolist() == [0.25, 0.5]
    assert first.stated_size == (160, 120)


def test_frames_counted_from_one_stay_as_they_are(tmp_path: Path) -> None:
    change_json(coco_video(tmp_path) / VIDEOS, lambda c: [image.update(frame_id=image["frame_id"] + 1) for image in c["images"]])
    assert [frame.frame for frame in planned(tmp_path).sequences[0].read(90, Defects(tmp_path, True))] == [1, 2, 3]


def test_one_file_can_be_the_root(tmp_path: Path) -> None:
    coco_video(coco(tmp_path))
    assert len(planned(tmp_path).sequences) == 3
    (only,) = planned(tmp_path / STILLS).sequences
    assert (only.name, only.frames) == ("instances_val2017-00000", 3)


def test_a_single_category_is_what_is_tracked(tmp_path: Path) -> None:
    change_json(coco_video(tmp_path) / VIDEOS, lambda c: c["categories"][0].update(name="bird"))
    first = planned(tmp_path).sequences[0]
    assert set(first.annotation.objects.classes.tolist()) == {1}
    assert first.notes == ("category bird is read as class 1 (pedestrian)",)


@pytest.mark.parametrize(
    ("edit", "complaint", "left"),
    [
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"annotations\[0\]: bbox must be four numbers", 9),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, -3, 4]), r"annotations\[0\]: width and height", 9),
        (lambda c: c["annotations"][0].update(category_id=9), r"annotations\[0\]: category_id 9 is not among", 9),
        (lambda c: c["annotations"][0].update(image_id=99), r"annotations\[0\]: image_id 99 is no usable image's", 9),
        (lambda c: c["annotations"][0].update(instance_id=2), r"annotations\[1\]: id 2 is in frame 1 twice", 9),
        (lambda c: c["images"][1].update(frame_id=0), r"images\[1\]: frame 1 of MOT17-02-FRCNN is there twice or below 1; its 2 boxes", 8),
        (lambda c: c["images"][1].update(video_id=9), r"images\[1\]: video_id must be a video's .*; its 2 boxes", 8),
        (lambda c: c["annotations"].append(7), r"annotations\[10\]: image_id None", 10),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, edit: Any, complaint: str, left: int) -> None:
    change_json(coco_video(tmp_path) / VIDEOS, edit)
    with pytest.raises(UserError, match=complaint):
        planned(tmp_path)
    found = planned(tmp_path, strict=False)
    assert sum(len(item.annotation) for item in found.sequences) == left
    assert len(lines_of(found)) == 1


def test_a_missing_image_and_its_boxes_are_named_one_by_one(tmp_path: Path) -> None:
    (coco(tmp_path) / "val2017/000000000139.jpg").unlink()
    found = planned(tmp_path, strict=False)
    assert [line.removeprefix(f"{STILLS}: ") for line in found.defects] == [
        "images[0]: the image 000000000139.jpg is missing",
        "annotations[0]: image_id 139 is no usable image's",
        "annotations[1]: image_id 139 is no usable image's",
    ]


def test_an_image_that_is_there_twice_is_found_by_the_files_name(tmp_path: Path) -> None:
    root = coco(tmp_path)
    (root / "train2017").mkdir()
    (root / "train2017/000000000139.jpg").write_bytes(b"another")
    assert planned(root).sequences[0].frames == 3
    (root / "val2017").rename(root / "pictures")
    with pytest.raises(UserError, match=r"images\[0\]: the image 000000000139\.jpg is there 2 times"):
        planned(root)


def test_a_sequence_in_two_files_is_an_error(tmp_path: Path) -> None:
    root = coco_video(tmp_path)
    (root / "annotations/half.json").write_text((root / VIDEOS).read_text())
    with pytest.raises(UserError, match="sequence MOT17-02-FRCNN is in annotations/half.json too"):
        planned(root)


@pytest.mark.parametrize("text", ["[]", "{}", '{"images": 1, "annotations": []}', '"\\ud800"', "[" * 100_000])
def test_what_is_not_coco_is_named(tmp_path: Path, text: str) -> None:
    (coco(tmp_path) / STILLS).write_text(text)
    with pytest.raises(UserError, match=r"instances_val2017\.json(:1)?: not (COCO|JSON)"):
        planned(tmp_path)
