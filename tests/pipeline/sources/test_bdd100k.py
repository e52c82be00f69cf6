from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources.bdd100k import plan
from pipeline.sources.defects import Defects
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import bdd100k
from tests.pipeline.recorded import write_image

VIDEO = "b1c66a42-6f7d68ca"
LABELS = f"labels/box_track_20/val/{VIDEO}.json"


def planned(root: Path, strict: bool = True, sequences: list[str] | None = None) -> Plan:
    return plan(Source(name="set", kind="bdd100k", root="", sequences=sequences, images_per_file=8), root, strict)


def change(root: Path, edit: Any) -> None:
    path = root / LABELS
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("together", [False, True])
def test_frames_are_counted_from_one_and_objects_from_their_appearance(tmp_path: Path, together: bool) -> None:
    first, second = planned(bdd100k(tmp_path, together)).sequences
    assert (first.name, first.frames, first.frame_rate, first.source) == (VIDEO, 3, 5.0, f"images/track/val/{VIDEO}")
    frames = list(first.read(90, Defects(tmp_path, True)))
    assert [(frame.frame, frame.time, len(frame.objects)) for frame in frames] == [(1, 0.0, 2), (2, 0.2, 0), (3, 0.4, 2)]
    np.testing.assert_array_equal(frames[0].objects.boxes, [[41, 20, 53, 50], [71, 20, 83, 50]])
    assert frames[0].objects.identities.tolist() == frames[2].objects.identities.tolist() == [1, 2]
    assert frames[0].objects.classes.tolist() == [1, 3]
    assert frames[0].objects.confidences.tolist() == [1, 0]
    assert second.annotation.objects.ignores.tolist() == [True, False, False, False, False, False]
    assert second.annotation.objects.classes.tolist() == [13, 3, 3, 1, 3, 3]


def test_own_classes_stay_apart_and_are_scored(tmp_path: Path) -> None:
    kinds = ["pedestrian", "rider", "bus", "truck", "train", "motorcycle", "bicycle", "car", "trailer"]
    change(bdd100k(tmp_path), lambda frames: frames[0].update(labels=[label | {"category": kind} for label, kind in many(frames, kinds)]))
    source = Source(name="set", kind="bdd100k", root="", sequences=[VIDEO], images_per_file=8, classes="own")
    first = next(iter(plan(source, tmp_path, True).sequences[0].read(90, Defects(tmp_path, True)))).objects
    assert first.classes.tolist() == [1, 14, 15, 16, 17, 5, 4, 3, 8]
    assert first.confidences.tolist() == [1] * 8 + [0]
    assert first.ignores.tolist() == [False] * 8 + [True]


def many(frames: Any, kinds: list[str]) -> list[tuple[dict[str, Any], str]]:
    """The first label as often as there are kinds, each with an id of its own."""
    return [(frames[0]["labels"][0] | {"id": str(index)}, kind) for index, kind in enumerate(kinds)]


def test_where_each_label_stands(tmp_path: Path) -> None:
    first = planned(bdd100k(tmp_path)).sequences[0]
    assert first.annotation.where(3) == f"{LABELS}: frames[2].labels[1]"


@pytest.mark.parametrize(
    ("edit", "complaint", "left"),
    [
        (lambda c: c[0]["labels"][1].pop("box2d"), r"frames\[0\]\.labels\[1\]: box2d must have four numbers", 3),
        (lambda c: c[0]["labels"][1]["box2d"].update(x2=float("nan")), r"frames\[0\]\.labels\[1\]: box2d", 3),
        (lambda c: c[0]["labels"][1]["box2d"].update(x2=1), r"frames\[0\]\.labels\[1\]: width and height", 3),
        (lambda c: c[0]["labels"][1].update(id="00000001"), r"frames\[0\]\.labels\[1\]: id 00000001 is in frame 1 twice", 3),
        (lambda c: c[0]["labels"][1].update(category=7), r"frames\[0\]\.labels\[1\]: category", 3),
        (lambda c: c[2].update(frameIndex=0), r"frames\[2\]: frame 1 of .* is there twice; its 2 labels are left out", 2),
        (lambda c: c[2].update(name="gone.jpg"), r"frames\[2\]: the image gone.jpg is missing; its 2 labels are left out", 2),
        (lambda c: c[2].update(frameIndex=-1), r"frames\[2\]: frameIndex must be a whole number", 2),
        (lambda c: c[2].update(labels=3), r"frames\[2\]: labels must be a list", 2),
        (lambda c: c.__setitem__(2, None), r"frames\[2\]: name must be an image's name", 2),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, edit: Any, complaint: str, left: int) -> None:
    change(bdd100k(tmp_path), edit)
    with pytest.raises(UserError, match=complaint):
        planned(tmp_path)
    found = planned(tmp_path, strict=False)
    assert len(found.sequences[0].annotation) == left
    assert len(found.sequences[0].defects) == 1


def test_without_an_index_the_name_tells(tmp_path: Path) -> None:
    change(bdd100k(tmp_path), lambda c: [frame.pop("frameIndex") for frame in c])
    assert [frame.frame for frame in planned(tmp_path).sequences[0].read(90, Defects(tmp_path, True))] == [1, 2, 3]


def test_images_that_nothing_annotates_are_noted(tmp_path: Path) -> None:
    write_image(bdd100k(tmp_path) / f"images/track/val/{VIDEO}/{VIDEO}-0000009.jpg")
    assert planned(tmp_path).sequences[0].notes[1] == f"{VIDEO}: 1 images beside its frames are not in the annotation; left out"


def test_a_video_in_two_files_is_read_once(tmp_path: Path) -> None:
    root = bdd100k(tmp_path)
    (root / "labels/again.json").write_text((root / LABELS).read_text())
    with pytest.raises(UserError, match=r"is in labels/again.json too; its 4 labels here are not used"):
        planned(root)
    assert len(planned(root, strict=False).defects) == 1


def test_what_is_no_label_file_is_named(tmp_path: Path) -> None:
    root = bdd100k(tmp_path)
    (root / "labels/other.json").write_text('{"a": 1}')
    (root / "labels/torn.json").write_text('[{"name":\n')
    found = planned(root, strict=False)
    assert found.defects[0].startswith("labels/other.json: not Scalabel: expected a list of frames")
    assert found.defects[1].startswith("labels/torn.json:2: not JSON")
    assert [item.name for item in planned_names(root)] == [VIDEO]


def planned_names(root: Path) -> Any:
    return planned(root, strict=False, sequences=[VIDEO]).sequences


@pytest.mark.parametrize(("gone", "complaint"), [("labels", "no .json file"), ("images", "no frame of any label file")])
def test_nothing_to_read_is_an_error(tmp_path: Path, gone: str, complaint: str) -> None:
    root = bdd100k(tmp_path)
    (root / gone).rename(tmp_path.parent / f"{tmp_path.name}-{gone}")
    with pytest.raises(UserError, match=complaint):
        planned(root, strict=False)


def test_the_digest_follows_labels_and_images(tmp_path: Path) -> None:
    root = bdd100k(tmp_path)
    before = [item.digest for item in planned(root).sequences]
    assert before == [item.digest for item in planned(root).sequences]
    change(root, lambda c: c[0]["labels"][0]["box2d"].update(x1=1))
    after = [item.digest for item in planned(root).sequences]
    assert before[0] != after[0]
    assert before[1] == after[1]
