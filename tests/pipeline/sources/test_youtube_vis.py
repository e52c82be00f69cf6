"""YouTube-VIS' layout: instances over frames, masks in every form, categories, and entries that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.files.run_lengths import decode_mask
from pipeline.params.sections.data import Source
from pipeline.sources.findings import look
from pipeline.sources.planned import Plan
from pipeline.sources.youtube_vis import plan
from tests.pipeline.imitated import box, youtube_vis
from tests.pipeline.recorded import HEIGHT, WIDTH
from tests.pipeline.sources.mutations import GONE, Change, change_json, lines_of, set_at

FIRST, SECOND = "003234408d", "0043f083b5"


def planned(root: Path, *, strict: bool = True, sequences: list[str] | None = None, unseen: bool = False, own: bool = False) -> Plan:
    source = {"name": "set", "kind": "youtube_vis", "root": "", "sequences": sequences, "images_per_file": 2}
    return plan(Source.model_validate(source | ({"classes": "own"} if own else {})), root, strict, unseen=unseen)


def changed(root: Path, change: Change) -> Path:
    change_json(youtube_vis(root) / "train.json", change)
    return root


def test_instances_masks_and_categories_by_hand(tmp_path: Path) -> None:
    found = planned(youtube_vis(tmp_path))
    first, second = found.sequences
    there = first.annotation.of(2)
    assert (first.name, second.name, first.frames, first.frame_rate, first.stated_size) == (FIRST, SECOND, 3, 6.0, (WIDTH, HEIGHT))
    assert [path.name for path in first.read.media.places] == ["00000.jpg", "00005.jpg", "00010.jpg"]
    assert there.categories is not None
    assert there.categories.tolist() == ["person", "giant_panda"]
    assert there.classes.tolist() == [1, 9]
    assert there.identities.tolist() == [1, 2]
    assert there.keypoints is None
    assert there.masks is not None
    for k, (edges, mask) in enumerate(zip(there.boxes.tolist(), there.masks, strict=True), 1):
        left, top, width, height = box(k, 2)
        assert edges == [left, top, left + width, top + height]
        pixels = decode_mask(mask, HEIGHT, WIDTH)
        assert pixels[top : top + height, left : left + width].all()
        assert pixels.sum() == width * height
    assert first.annotation.of(3).identities.tolist() == [1]
    assert first.annotation.where(1) == "train.json: annotations[1], frame 1"
    assert found.notes == (
        "train.json: category giant_panda is read as class 9 (occluder)",
        "train.json: 1 of 3 categories have no annotation (lizard)",
    )


def test_a_file_its_name_and_its_folder_can_be_chosen(tmp_path: Path) -> None:
    root = youtube_vis(tmp_path / "set")
    assert [item.name for item in planned(root / "train.json").sequences] == [FIRST, SECOND]
    assert [item.name for item in planned(root, sequences=["train"]).sequences] == [FIRST, SECOND]
    (root / "train.json").rename(root / "train/instances.json")
    assert [item.name for item in planned(root, sequences=["train"]).sequences] == [FIRST, SECOND]
    assert [item.name for item in planned(root, sequences=[SECOND]).sequences] == [SECOND]
    with pytest.raises(UserError, match="no sequence valid"):
        planned(root, sequences=["valid"])
    with pytest.raises(UserError, match=r"no \.json file of annotations"):
        planned(root / "train/JPEGImages")


def test_what_is_odd_is_read_and_said(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["videos"][0]["length"] = 9
        content["annotations"] = content["annotations"][:2]
        content["annotations"][0] |= {"bboxes": None, "iscrowd": 1}
        content["annotations"][1]["segmentations"] = [None, [], None]

    found = planned(changed(tmp_path, change))
    first = found.sequences[0]
    left, top, width, height = box(1, 1)
    assert first.annotation.of(1).boxes[0].tolist() == [left, top, left + width, top + height]  # that of the mask
    assert first.annotation.of(1).ignores.tolist() == [True, False]
    assert first.annotation.of(1).masks[1] is None  # type: ignore[index]
    assert first.notes[1:] == (f"{FIRST}: 2 boxes have no mask",)
    assert f"{FIRST}: the annotation states 9 frames, 3 are listed" in found.notes
    assert f"train.json: 1 of its videos have no annotation ({SECOND})" in found.notes


def test_masks_that_overlap_are_remarked_upon_with_their_places(tmp_path: Path) -> None:
    left, top, _, height = box(1, 2)
    shape = [[left + 6, top, left + 20, top, left + 20, top + height, left + 6, top + height]]
    found = planned(changed(tmp_path, lambda content: set_at(content, ("annotations", 1, "segmentations", 1), shape))).sequences[0]
    (said,) = (line for line in look(found, decode=False).remarks if "overlap" in line)
    assert said == f"{FIRST}: 1 pairs of masks overlap, first train.json: annotations[1], frame 2 and train.json: annotations[0], frame 2"


def test_own_classes_keep_those_of_the_table(tmp_path: Path) -> None:
    root = changed(tmp_path, lambda content: content["categories"][1].update(name="truck"))
    assert planned(root).sequences[0].annotation.of(1).classes.tolist() == [1, 3]
    assert planned(root, own=True).sequences[0].annotation.of(1).classes.tolist() == [1, 16]
    assert planned(root, own=True).sequences[0].annotation.of(1).confidences.tolist() == [1, 1]


@pytest.mark.parametrize("annotations", [None, "left out"])
def test_a_file_without_annotations_has_no_ground_truth(tmp_path: Path, annotations: str | None) -> None:
    root = changed(tmp_path, lambda content: content.update(annotations=None) if annotations is None else content.pop("annotations"))
    found = planned(root)
    assert [(item.ground_truth, item.frames, len(item.annotation)) for item in found.sequences] == [(False, 3, 0)] * 2
    assert found.notes == ("train.json: it has no annotations; there is no ground truth",)


def test_annotation_without_images_can_be_counted(tmp_path: Path) -> None:
    root = youtube_vis(tmp_path)
    for path in root.rglob("*.jpg"):
        path.unlink()
    assert sum(len(item.annotation) for item in planned(root, unseen=True).sequences) == 10
    with pytest.raises(UserError, match=r"videos\[0\]: none of its 3 images can be used; the first: the image .* is missing"):
        planned(root)


SIZE = [HEIGHT, WIDTH]
EMPTY = {"size": SIZE, "counts": [HEIGHT * WIDTH]}


FIRST_MASKS = ("annotations", 0, "segmentations")


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        ((*FIRST_MASKS, 2), GONE, r"annotations\[0\]: segmentations has 2 entries for 3 images"),
        (("annotations", 0, "bboxes", 2), GONE, r"annotations\[0\]: bboxes has 2 entries for 3 images"),
        (("annotations", 0, "category_id"), 8, r"annotations\[0\]: category_id 8 is not among the categories"),
        (("annotations", 0, "video_id"), 8, r"annotations\[0\]: video_id 8 is no usable video's"),
        (("annotations", 0, "iscrowd"), "x", r"annotations\[0\]: iscrowd must be true or false"),
        ((*FIRST_MASKS, 1, "size"), [3, 4], r"annotations\[0\], frame 2: a mask of size \[3, 4\] in a video of \[120, 160\]"),
        ((*FIRST_MASKS, 1, "counts"), "5", r"annotations\[0\], frame 2: the mask's runs do not fill 160x120 pixels"),
        ((*FIRST_MASKS, 1), EMPTY, r"annotations\[0\], frame 2: the mask is empty"),
        ((*FIRST_MASKS, 1), [[1, 2, 3, 4]], r"annotations\[0\], frame 2: a mask must be run lengths or polygons"),
        ((*FIRST_MASKS, 1), [[1, 2, 3, 4, 5, 1e300]], r"annotations\[0\], frame 2: a mask must be .* within 65536 pixels"),
        (("annotations", 0, "bboxes", 1), [1, 2], r"annotations\[0\], frame 2: a box must be four numbers"),
        (("videos", 0, "file_names", 1), "x.jpg", r"videos\[0\]\.file_names\[1\]: the image x\.jpg is missing; its 2 boxes are left out"),
        (("videos", 0, "height"), 0, r"videos\[0\]: height and width must be whole numbers of pixels"),
        (("videos", 1, "id"), 1, r"videos\[1\]: must have an id of its own"),
        (("categories", 2, "id"), 1, r"categories\[2\]: id 1 is person already"),
        (("categories", 2, "name"), GONE, r"categories\[2\]: must have a whole number id and a name"),
    ],
)
def test_entries_that_cannot_be_used_are_named(tmp_path: Path, keys: tuple[str | int, ...], value: Any, said: str) -> None:
    root = changed(tmp_path, lambda content: set_at(content, keys, value))
    with pytest.raises(UserError, match=said):
        planned(root)
    found = planned(root, strict=False)
    lines = lines_of(found)
    assert "train.json: " in lines[0]
    assert found.sequences


def test_an_instance_that_is_nowhere_is_named(tmp_path: Path) -> None:
    root = changed(tmp_path, lambda content: content["annotations"][0].update(segmentations=None, bboxes=None))
    with pytest.raises(UserError, match=r"annotations\[0\]: it has neither a mask nor a box in any frame"):
        planned(root)


def test_a_video_of_two_files_is_that_of_the_first(tmp_path: Path) -> None:
    root = youtube_vis(tmp_path)
    (root / "valid.json").write_bytes((root / "train.json").read_bytes())
    assert planned(root, strict=False).defects == [
        f"valid.json: video {name} is in train.json too; left out here" for name in (FIRST, SECOND)
    ]  # fmt: skip
    with pytest.raises(UserError, match=f"video {FIRST} is in train.json too"):
        planned(root)
