"""PoseTrack 2018's layout: joints by name, partial labels, regions to ignore, detections, and entries that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.posetrack_json import NAMES
from pipeline.params.sections.data import Source
from pipeline.sources.findings import look
from pipeline.sources.planned import Plan
from pipeline.sources.posetrack import plan
from tests.pipeline.imitated import box, joints, posetrack
from tests.pipeline.sources.mutations import GONE, Change, change_json, lines_of, set_at

VIDEO = "000342_mpii_test"
FILE, DETECTIONS = f"annotations/val/{VIDEO}.json", f"detections/{VIDEO}.json"


def planned(root: Path, *, strict: bool = True, sequences: list[str] | None = None, unseen: bool = False) -> Plan:
    return plan(Source(name="set", kind="posetrack", root="", sequences=sequences, images_per_file=2), root, strict, unseen=unseen)


def changed(root: Path, change: Change, file: str = FILE) -> Path:
    """The imitated set with a change of one file."""
    change_json(posetrack(root) / file, change)
    return root


def edges(k: int, frame: int) -> list[float]:
    left, top, width, height = box(k, frame)
    return [left, top, left + width, top + height]


def test_boxes_joints_and_regions_by_hand(tmp_path: Path) -> None:
    found, other = planned(posetrack(tmp_path)).sequences
    there = found.annotation.of(1)
    assert (found.name, found.frames, found.ground_truth, found.detections) == (VIDEO, 3, True, True)
    assert (other.name, other.detections) == ("000522_mpii_test", False)
    assert there.boxes.tolist() == [edges(1, 1), edges(2, 1), [100, 60, 140, 100]]
    assert there.identities.tolist() == [1, 2, -1]
    assert there.ignores.tolist() == [False, False, True]
    assert there.confidences.tolist() == [1, 1, 0]
    assert there.keypoints is not None
    assert there.keypoints[:2].reshape(2, -1).tolist() == [joints(1, 1), joints(2, 1)]
    assert not there.keypoints[2].any()
    assert (there.masks, there.categories) == (None, None)
    assert found.annotation.where(1) == f"{FILE}: images[0], annotations[1]"
    assert found.notes == (
        f"{VIDEO}: nothing states a frame rate; 30 frames/s assumed",
        f"{VIDEO}: 1 images are not labelled; left out",
        f"{VIDEO}: 1 regions to ignore are read as the boxes around them",
    )


def test_poses_of_a_detector_are_public(tmp_path: Path) -> None:
    seen = planned(posetrack(tmp_path)).sequences[0].read.public
    assert seen.objects.confidences.tolist() == [0.25, 0.5] * 3
    assert seen.objects.keypoints is not None
    assert seen.objects.keypoints.shape == (6, 17, 3)
    assert seen.objects.keypoints[1, :, 2].tolist() == [0.5 if place not in (3, 4) else 0 for place in range(17)]
    assert seen.where(0) == f"{DETECTIONS}: annotations[0]"


def test_joints_are_taken_by_their_names(tmp_path: Path) -> None:
    """The file's order is turned round, the ears are not in it, and it calls the neck so."""

    def turn(content: dict[str, Any]) -> None:
        names = [name for name in reversed(NAMES) if not name.endswith("ear")]
        content["categories"][0]["keypoints"] = ["neck" if name == "head_bottom" else name for name in names] + ["tail"]
        for item in content["annotations"]:
            triples = dict(zip(NAMES, np.array(item["keypoints"]).reshape(-1, 3).tolist(), strict=True))
            item["keypoints"] = [value for name in names for value in triples[name]] + [5, 5, 1]

    found = planned(changed(tmp_path, turn)).sequences[0]
    assert found.annotation.objects.keypoints is not None
    assert found.annotation.of(1).keypoints[:2].reshape(2, -1).tolist() == [joints(1, 1), joints(2, 1)]  # type: ignore[index]
    assert f"{VIDEO}: it has no joint left_ear, right_ear; read as not annotated" in found.notes
    assert f"{VIDEO}: joint tail is none of PoseTrack 2018's; left out" in found.notes


def test_folders_of_files_can_be_chosen(tmp_path: Path) -> None:
    root = posetrack(tmp_path)
    (root / "annotations/train").mkdir()
    (root / "annotations/val/000522_mpii_test.json").rename(root / "annotations/train/000522_mpii_test.json")
    assert [item.name for item in planned(root, sequences=["train"]).sequences] == ["000522_mpii_test"]
    assert [item.name for item in planned(root, sequences=["train", VIDEO]).sequences] == ["000522_mpii_test", VIDEO]
    with pytest.raises(UserError, match="no sequence test"):
        planned(root, sequences=["test"])
    with pytest.raises(UserError, match=r"no \.json file of annotations"):
        planned(root / "images")


def test_who_has_no_box_or_no_joints_is_read_and_said(tmp_path: Path) -> None:
    def strip(content: dict[str, Any]) -> None:
        del content["annotations"][0]["bbox"], content["annotations"][1]["keypoints"]

    found = planned(changed(tmp_path, strip)).sequences[0]
    assert found.annotation.of(1).boxes[0].tolist() == [41, 20, 53, 36]  # around the joints of `imitated.joints`
    assert not found.annotation.of(1).keypoints[1].any()  # type: ignore[index]
    assert f"{VIDEO}: 1 people have no bbox; the boxes around their joints are taken" in found.notes
    assert f"{VIDEO}: 1 people have no joints" in found.notes


def test_joints_outside_the_image_are_remarked_upon(tmp_path: Path) -> None:
    keys = ("annotations", 2, "keypoints")
    found = planned(changed(tmp_path, lambda content: set_at(content, keys, [-3, 5, 1, *joints(1, 2)[3:]]))).sequences[0]
    (said,) = (line for line in look(found, decode=False).remarks if "joints" in line)
    assert said == f"{VIDEO}: 1 joints of 1 people lie outside the image, first in {FILE}: images[1], annotations[2]"


def test_videos_without_labels_have_no_ground_truth(tmp_path: Path) -> None:
    """As those of the test set."""

    def strip(content: dict[str, Any]) -> None:
        content["annotations"] = []
        for image in content["images"]:
            image["is_labeled"] = False

    found = planned(changed(tmp_path, strip)).sequences[0]
    assert (found.ground_truth, found.frames, len(found.annotation)) == (False, 4, 0)
    assert f"{VIDEO}: no image of it is labelled; there is no ground truth" in found.notes


def test_annotation_without_images_can_be_counted(tmp_path: Path) -> None:
    root = posetrack(tmp_path)
    for path in (root / "images").rglob("*.jpg"):
        path.unlink()
    assert sum(len(item.annotation) for item in planned(root, unseen=True).sequences) == 14


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("annotations", 1, "track_id"), GONE, r"annotations\[1\]: track_id must be a whole number"),
        (("annotations", 1, "track_id"), 0, r"annotations\[1\]: id 0 is in frame 1 twice"),
        (("annotations", 1, "keypoints"), [1, 2], r"annotations\[1\]: keypoints must be three numbers for each of 17"),
        (("annotations", 1, "bbox"), [1, 2, 0, 4], r"annotations\[1\]: width and height of the box must be above 0"),
        (("annotations", 1, "bbox"), [1, 2], r"annotations\[1\]: bbox must be four numbers"),
        (("annotations", 1, "image_id"), 3, r"annotations\[1\]: image_id 3 is no image's"),
        (("images", 1, "file_name"), "x/1.jpg", r"images\[1\]: the image x/1.jpg is missing; its 2 boxes are left out with it"),
        (("images", 1, "id"), 10003420000, r"images\[1\]: id 10003420000 is also images\[0\]"),
        (("images", 0, "ignore_regions_x"), [[1, 2]], r"images\[0\]: a region to ignore must be three or more"),
        (("categories", 0, "keypoints"), ["nose", "nose"], r"categories\[0\]\.keypoints: expected names of joints"),
        (("images",), GONE, "not PoseTrack 2018: expected lists images, annotations"),
    ],
)
def test_entries_that_cannot_be_used_are_named(tmp_path: Path, keys: tuple[str | int, ...], value: Any, said: str) -> None:
    root = changed(tmp_path, lambda content: set_at(content, keys, value))
    with pytest.raises(UserError, match=said):
        planned(root)
    found = planned(root, strict=False)
    lines = lines_of(found)
    assert FILE in lines[0]
    assert "000522_mpii_test" in [item.name for item in found.sequences]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("scores", [0.5], r"annotations\[1\]: scores must be a number for each of 17 joints"),
        ("scores", [], r"annotations\[1\]: a detection needs a number score"),
        ("image_id", "x", r"annotations\[1\]: image_id 'x' is no usable image's"),
    ],
)
def test_detections_that_cannot_be_used_cost_no_annotation(tmp_path: Path, key: str, value: Any, said: str) -> None:
    root = changed(tmp_path, lambda content: set_at(content, ("annotations", 1, key), value), DETECTIONS)
    with pytest.raises(UserError, match=said):
        planned(root)
    found = planned(root, strict=False).sequences[0]
    assert (len(found.annotation), len(found.read.public), len(found.defects)) == (7, 5, 1)
