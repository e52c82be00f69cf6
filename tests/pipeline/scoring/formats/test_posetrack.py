"""PoseTrack's JSON: joints by name, a joint at the reach of the head's size, switches, and files that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.posetrack_json import NAMES, SCORED
from pipeline.scoring.formats.posetrack import score_files
from tests.pipeline.imitated import posetrack

FRAMES = 4


def _document(
    shift: float = 0.0, *, swap: bool = False, drop: str = "", head: bool = True, names: tuple[str, ...] = NAMES
) -> dict[str, Any]:
    """Two people of all joints, 200 pixels apart; the head's box is 30x40, so that a joint is hit within 15 pixels."""
    items = []
    for frame in range(FRAMES):
        for person in range(2):
            identity = person if not swap or frame < FRAMES // 2 else 1 - person
            values: list[float] = []
            for place, name in enumerate(names):
                values += [0, 0, 0] if name == drop else [200 * person + 5 * place + 1 + shift, 7 * place + 1, 1]
            item = {"image_id": 10 + frame, "track_id": identity, "keypoints": values}
            items.append(item | ({"bbox_head": [0, 0, 30, 40]} if head else {}))
    images = [{"id": 10 + frame, "file_name": f"v/{frame:06d}.jpg"} for frame in range(FRAMES)]
    return {"images": images, "annotations": items, "categories": [{"name": "person", "keypoints": list(names)}]}


def _score(root: Path, truth: dict[str, Any], results: dict[str, Any]) -> Any:
    for folder, content in (("gt", truth), ("results", results)):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "v.json").write_text(json.dumps(content))
    return score_files(root / "gt", root / "results")


def test_joints_are_hit_within_the_reach_of_the_head(tmp_path: Path) -> None:
    assert _score(tmp_path, _document(), _document(14.9)).combined["MOTA"] == 100
    assert _score(tmp_path, _document(), _document(15.1)).combined["MOTA"] == -100
    results = _document(0, names=tuple(reversed(NAMES)))
    truth = _document()
    for item in truth["annotations"]:
        item["keypoints"] = np.array(item["keypoints"]).reshape(-1, 3).tolist()
        item["keypoints"] = [value for joint in item["keypoints"] for value in joint]
    assert _score(tmp_path, truth, results).combined["MOTA"] < 100, "joints are taken by their names, and these lie elsewhere"


def test_switches_are_counted_by_joint_and_a_joint_without_results_is_missed(tmp_path: Path) -> None:
    found = _score(tmp_path, _document(), _document(swap=True))
    assert list(found.parts) == list(SCORED)
    assert found.parts["nose"] == {"MOTA": 75, "IDF1": 50, "IDSW": 2}
    assert found.combined["IDSW"] == 2 * len(SCORED)
    missed = _score(tmp_path, _document(), _document(drop="left_wrist"))
    assert missed.parts["left_wrist"]["MOTA"] == 0
    assert missed.parts["right_wrist"]["MOTA"] == 100


@pytest.mark.parametrize(
    ("truth", "results", "said"),
    [
        ({"head": False}, {}, "has joints and no bbox_head"),
        ({}, {"names": NAMES[:-1]}, "its category has no joint right_ankle"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, truth: dict[str, Any], results: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _score(tmp_path, _document(**truth), _document(**results))


def test_broken_entries_are_named_by_their_place(tmp_path: Path) -> None:
    cases: list[tuple[str, Any, str]] = [
        ("image_id", 99, r"annotations\[3\]: no 99"),
        ("keypoints", [1, 2], r"annotations\[3\]: keypoints must be three numbers"),
        ("track_id", 0, "a track_id is in v/000001.jpg twice"),
    ]
    for key, value, said in cases:
        results = _document()
        results["annotations"][3][key] = value
        with pytest.raises(UserError, match=said):
            _score(tmp_path, _document(), results)


def test_images_that_are_not_labelled_do_not_count(tmp_path: Path) -> None:
    truth, results = _document(), _document()
    for image in truth["images"]:
        image["is_labeled"] = image["id"] != 12
    truth["annotations"] = [item for item in truth["annotations"] if item["image_id"] != 12]
    found = _score(tmp_path, truth, results)
    assert found.combined["MOTA"] == 100
    assert found.remarks == ["v: 1 of 4 images are not labelled; left out"]
    truth["images"][2]["is_labeled"] = True
    assert _score(tmp_path, truth, results).combined["MOTA"] == pytest.approx(100 * (6 - 2) / 6), "two are found where nobody is"
    nothing = {"annotations": [], "images": [image | {"is_labeled": False} for image in truth["images"]]}
    with pytest.raises(UserError, match="no image is labelled"):
        _score(tmp_path, truth | nothing, results)


def test_joints_inside_regions_to_ignore_count_on_neither_side(tmp_path: Path) -> None:
    """The second person stands right of 190 in all frames; without regions, not to find one in the last frame costs one of 8."""
    truth, results = _document(), _document()
    results["annotations"].pop()
    assert _score(tmp_path, truth, results).combined["MOTA"] == pytest.approx(100 * 7 / 8)
    for image in truth["images"]:
        image |= {"ignore_regions_x": [[190, 400, 400, 190]], "ignore_regions_y": [[-10, -10, 200, 200]]}
    assert _score(tmp_path, truth, results).combined["MOTA"] == 100
    truth["images"][3]["ignore_regions_y"] = [[-10, -10, 200]]
    with pytest.raises(UserError, match=r"v/000003\.jpg: a region to ignore must be three or more points, as many x as y"):
        _score(tmp_path, truth, results)


def test_the_public_annotation_is_ground_truth_as_it_is(tmp_path: Path) -> None:
    """Against itself: the ears are not annotated, an image of four is not labelled, and nobody is in the region to ignore."""
    truth = posetrack(tmp_path) / "annotations/val"
    found = score_files(truth, truth)
    assert found.combined == {"MOTA": 100, "IDF1": 100, "IDSW": 0}
    assert found.remarks == [f"{video}: 1 of 4 images are not labelled; left out" for video in ("000342_mpii_test", "000522_mpii_test")]
