"""Scalabel as BDD100K and others write it: keys in any case, words for booleans, stills, labels without boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.sources.categories import CROWD, PEDESTRIAN
from pipeline.sources.planned import Plan
from tests.inputs.planned import planned
from tests.pipeline.imitated import put
from tests.pipeline.recorded import write_image

BOX = {"x1": 10, "y1": 20, "x2": 40, "y2": 60}
LANE = {"id": "9", "category": "lane", "poly2d": [{"vertices": [[1, 2], [3, 4]], "types": "LL", "closed": False}]}


def label(key: str = "1", **changes: Any) -> dict[str, Any]:
    return {"id": key, "category": "person", "box2d": BOX, **changes}


def made(root: Path, frames: list[dict[str, Any]], strict: bool = False) -> Plan:
    for frame in frames:
        write_image(root / "images" / str({key.lower(): value for key, value in frame.items()}["name"]))
    put(root / "labels/v1.json", json.dumps(frames))
    return planned(root, "bdd100k", strict=strict)


def video(attributes: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    one = {"videoName": "v1", "labels": [label(attributes=attributes, **changes)]}
    return [{"name": f"v1-{n + 1:07d}.jpg", "frameIndex": n, **one} for n in range(3)]


@pytest.mark.parametrize(
    ("attributes", "crowd"),
    [
        ({"Crowd": True}, True),  # bdd100k#87
        ({"CROWD": 1, "Occluded": False}, True),
        ({"crowd": "true"}, True),
        ({"crowd": "false"}, False),  # the word is not empty
        ({"crowd": "False"}, False),
        ({"crowd": 0}, False),
        ({}, False),
        (None, False),
    ],
)
def test_crowds_are_told_by_real_booleans_in_any_case(tmp_path: Path, attributes: dict[str, Any], crowd: bool) -> None:
    (sequence,) = made(tmp_path, video(attributes)).sequences
    assert sequence.annotation.objects.classes.tolist() == 3 * [CROWD if crowd else PEDESTRIAN]
    assert sequence.defects == ()


def test_a_word_that_is_no_boolean_is_a_defect(tmp_path: Path) -> None:
    found = made(tmp_path, video({"crowd": "partly"})).sequences[0]
    assert found.defects[0].endswith("frames[0].labels[0]: crowd must be true or false, not 'partly'")


@pytest.mark.parametrize("change", [str.upper, str.capitalize, str.lower])
def test_keys_in_any_case(tmp_path: Path, change: Any) -> None:
    def renamed(record: Any) -> Any:
        if isinstance(record, list):
            return [renamed(item) for item in record]
        return {change(key): renamed(value) for key, value in record.items()} if isinstance(record, dict) else record

    (sequence,) = made(tmp_path, renamed(video({"crowd": True}))).sequences
    assert (sequence.name, sequence.frames, sequence.annotation.objects.classes.tolist()) == ("v1", 3, 3 * [CROWD])


STILLS = ["0000f77c-6257be58.jpg", "0000f77c-62c2a288.jpg", "0000f77c-cb820c98.jpg"]


def test_detection_labels_are_stills(tmp_path: Path) -> None:
    frames: list[dict[str, Any]] = [{"name": name, "timestamp": 10000, "labels": [label("0"), LANE]} for name in STILLS]
    del frames[1]["labels"]
    found = made(tmp_path, frames, strict=True)
    (sequence,) = found.sequences
    assert (sequence.name, sequence.kind, sequence.frames) == ("v1-00000", "stills", 3)
    assert sequence.annotation.objects.identities.tolist() == [-1, -1]
    assert sequence.notes == (
        "v1-00000: no video is named; 3 stills, whose identities (2) say nothing",
        "v1-00000: 2 labels have no box2d (2 poly2d); left out",
    )


@pytest.mark.parametrize("names", [["a.jpg", "b.jpg"], ["1.jpg"], ["a-01.jpg", "b-02.jpg"]])
def test_other_stills(tmp_path: Path, names: list[str]) -> None:
    (sequence,) = made(tmp_path, [{"name": name, "labels": [label()]} for name in names]).sequences
    assert (sequence.kind, sequence.frames) == ("stills", len(names))


def test_names_that_number_one_video_are_one(tmp_path: Path) -> None:
    (sequence,) = made(tmp_path, [{"name": f"v1-{n:07d}.jpg", "labels": [label()]} for n in (1, 2, 4)]).sequences
    assert (sequence.kind, sequence.annotation.frame.tolist()) == ("video", [1, 2, 4])


@pytest.mark.parametrize("shape", ["poly2d", "box3d", "rle", "graph"])
def test_labels_of_another_shape_are_a_remark(tmp_path: Path, shape: str) -> None:
    frames = video({})
    frames[1]["labels"] = [label(), {"id": "5", "category": "lane", shape: [1]}]
    (sequence,) = made(tmp_path, frames, strict=True).sequences
    assert len(sequence.annotation) == 3
    assert sequence.notes[-1] == f"v1: 1 labels have no box2d (1 {shape}); left out"


def test_a_label_of_no_shape_is_a_defect(tmp_path: Path) -> None:
    frames = video({})
    del frames[0]["labels"][0]["box2d"]
    assert "box2d must have four numbers" in made(tmp_path, frames).sequences[0].defects[0]


def test_a_frame_that_is_none_among_stills_is_a_defect(tmp_path: Path) -> None:
    made(tmp_path, [{"name": name} for name in STILLS])
    put(tmp_path / "labels/v1.json", json.dumps([{"name": STILLS[0]}, None, {"name": "gone.jpg", "labels": [label()]}]))
    assert planned(tmp_path, "bdd100k").sequences[0].defects == (
        "labels/v1.json: frames[1]: name must be an image's name",
        "labels/v1.json: frames[2]: the image gone.jpg is missing; its 1 labels are left out with it",
    )
