"""COCO as exporters write it: attributes, root categories, sizes, pictures named twice, Windows' separators."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.sources.categories import OCCLUDER, PEDESTRIAN, numbers
from pipeline.sources.coco_items import hull, identity, read
from pipeline.sources.defects import Defects
from pipeline.sources.inspect import inspect
from pipeline.sources.planned import Plan
from tests.inputs.planned import planned
from tests.pipeline.imitated import put
from tests.pipeline.recorded import HEIGHT, WIDTH, write_image

PERSON = [{"id": 1, "name": "person"}]


def annotated(names: list[str], items: list[dict[str, Any]], categories: list[dict[str, Any]] = PERSON, **size: Any) -> str:
    """A COCO file of images 1, 2, ...; an item is a box 10,20,30,40 of category 1 unless it says otherwise."""
    sizes = {"width": WIDTH, "height": HEIGHT} | size
    images = [{"id": key, "file_name": name, **sizes} for key, name in enumerate(names, 1)]
    whole = [{"id": key, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": 0, **item} for key, item in enumerate(items)]
    return json.dumps({"images": images, "annotations": whole, "categories": categories})


def made(root: Path, names: list[str], text: str, file: str = "annotations/a.json") -> Plan:
    for index, name in enumerate(names):
        write_image(root / "images" / name, index)
    put(root / file, text)
    return planned(root, "coco")


TRACKED = [
    pytest.param(lambda key: {"attributes": {"track_id": key, "occluded": False}}, id="CVAT's attributes (cvat#4260)"),
    pytest.param(lambda key: {"attributes": {"Track ID": key}}, id="another case"),
    pytest.param(lambda key: {"track_id": key}, id="track_id without a video"),
    pytest.param(lambda key: {"attributes": {"instance_id": f"p{key}"}}, id="instance_id as text"),
]


@pytest.mark.parametrize("mark", TRACKED)
def test_identities_in_attributes_are_read(tmp_path: Path, mark: Any) -> None:
    names = [f"frame_{n:06d}.PNG" for n in range(4)]
    found = made(tmp_path, names, annotated(names, [{"image_id": n, **mark(key)} for n in (1, 2, 3, 4) for key in (0, 7)]))
    (sequence,) = found.sequences
    assert (sequence.kind, sequence.frames, set(sequence.annotation.objects.identities.tolist())) == ("video", 4, {1, 2})
    assert found.notes == (
        "annotations/a.json: identities return and no video is named; the images of images are read as one, in order of their names",
    )


def test_stills_of_two_folders_with_identities_are_two_videos(tmp_path: Path) -> None:
    names = ["a/1.png", "a/2.png", "b/1.png", "b/10.png", "b/9.png"]
    found = made(tmp_path, names, annotated(names, [{"image_id": n, "track_id": 3} for n in (1, 2, 3, 4, 5)]))
    assert [(item.name, item.annotation.frame.tolist()) for item in found.sequences] == [("a-images-a", [1, 2]), ("a-images-b", [1, 9, 10])]


def test_identities_that_do_not_return_leave_stills(tmp_path: Path) -> None:
    names = ["a.png", "b.png"]
    found = made(tmp_path, names, annotated(names, [{"image_id": n, "track_id": n} for n in (1, 2)]))
    assert [item.kind for item in found.sequences] == ["stills"]


@pytest.mark.parametrize(
    ("box", "degrees", "upright"),
    [
        ([40, 50, 80, 20], 90, [70, 20, 90, 100]),  # cvat#4745
        ([40, 50, 80, 20], 270, [70, 20, 90, 100]),
        ([40, 50, 80, 20], -90, [70, 20, 90, 100]),
        ([0, 0, 20, 20], 45, [10 - 200**0.5, 10 - 200**0.5, 10 + 200**0.5, 10 + 200**0.5]),
    ],
)
def test_a_turned_box_becomes_its_upright_hull(tmp_path: Path, box: list[float], degrees: float, upright: list[float]) -> None:
    found = made(tmp_path, ["a.png"], annotated(["a.png"], [{"bbox": box, "attributes": {"rotation": degrees}}]))
    np.testing.assert_allclose(found.sequences[0].annotation.objects.boxes, [upright], rtol=1e-6)
    assert found.notes == ("a-00000: 1 boxes are turned; read as the upright boxes around them",)


def test_a_box_turned_by_30_degrees_and_its_corners_agree() -> None:
    turn = np.array([[math.cos(math.pi / 6), -math.sin(math.pi / 6)], [math.sin(math.pi / 6), math.cos(math.pi / 6)]])
    corners = np.array([[-40, -10], [40, -10], [40, 10], [-40, 10]]) @ turn.T + [80, 60]
    np.testing.assert_allclose(hull([40, 50, 80, 20], 30), [*corners.min(0), *corners.max(0)], atol=1e-8)


@pytest.mark.parametrize("degrees", [0, 0.0, 180, 360])
def test_a_box_that_is_not_turned_stays(tmp_path: Path, degrees: float) -> None:
    found = made(tmp_path, ["a.png"], annotated(["a.png"], [{"attributes": {"rotation": degrees, "occluded": True}}]))
    assert found.sequences[0].annotation.objects.boxes.tolist() == [[10, 20, 40, 60]]
    assert found.notes == ("a-00000: 1 boxes are marked occluded; a yes or no is no visible share, which stays 1",)


@pytest.mark.parametrize(
    ("item", "crowd"),
    [({"iscrowd": "false"}, False), ({"iscrowd": True}, True), ({"ignore": 1}, True), ({"iscrowd": "1"}, True), ({}, False)],
)
def test_marks_are_booleans_however_written(item: dict[str, Any], crowd: bool) -> None:
    assert read({"bbox": [1, 2, 3, 4], "category_id": 1, **item}).crowd is crowd


def test_marks_and_identities_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="iscrowd must be true or false, not 'maybe'"):
        read({"bbox": [1, 2, 3, 4], "category_id": 1, "iscrowd": "maybe"})
    with pytest.raises(ValueError, match="instance_id must be"):
        identity({"attributes": {"track_id": []}})


ROOTS = [
    # categories with their supercategories, the one that has boxes, its class
    pytest.param([("fish-kmtq", "none"), ("fish", "fish-kmtq")], "fish", PEDESTRIAN, id="Roboflow's project (rf-detr#1303)"),
    pytest.param([("people", "none"), ("worker", "people")], "worker", PEDESTRIAN, id="a root called people"),
    pytest.param([("bee", ""), ("wasp", "")], "bee", PEDESTRIAN, id="a second one without boxes"),
    pytest.param([("person", ""), ("dog", "")], "dog", OCCLUDER, id="people are listed: dogs are not tracked"),
    pytest.param([("person", ""), ("car", "")], "car", 3, id="a vehicle stays one"),
    pytest.param([("objects", "none"), ("car", "objects"), ("dog", "objects")], "car", 3, id="a vehicle below a root"),
]


@pytest.mark.parametrize(("listed", "boxed", "kind"), ROOTS)
def test_categories_without_boxes_do_not_count(tmp_path: Path, listed: list[tuple[str, str]], boxed: str, kind: int) -> None:
    categories = [{"id": key, "name": name, "supercategory": above} for key, (name, above) in enumerate(listed)]
    key = [name for name, _ in listed].index(boxed)
    found = made(tmp_path, ["a.png"], annotated(["a.png"], [{"category_id": key}], categories))
    assert found.sequences[0].annotation.objects.classes.tolist() == [kind]
    if kind in (PEDESTRIAN, OCCLUDER):
        assert found.notes[0].startswith(f"annotations/a.json: category {boxed} is read as class {kind}")


def test_a_number_of_two_categories_is_a_defect(tmp_path: Path) -> None:
    listed = [{"id": 1, "name": "person"}, {"id": 1, "name": "car"}, {"id": 1, "name": "person"}]
    found = made(tmp_path, ["a.png"], annotated(["a.png"], [{}], listed))
    assert found.defects == ["annotations/a.json: categories[1]: id 1 is person's already"]
    assert found.sequences[0].annotation.objects.classes.tolist() == [PEDESTRIAN]


@pytest.mark.parametrize(
    ("box", "said"),
    [([0.1, 0.2, 0.3, 0.4], "may be shares of the image's width and height"), ([100, 80, 150, 110], "if width and height were right and")],
)
def test_boxes_written_in_another_way_are_remarked_upon(tmp_path: Path, box: list[float], said: str) -> None:
    made(tmp_path, ["a.png", "b.png"], annotated(["a.png", "b.png"], [{"bbox": box}, {"bbox": box, "image_id": 2}]))
    (found,) = inspect(str(tmp_path), decode=True).sequences
    assert [line for line in found.remarks if said in line] == found.remarks[:1] != []


def test_several_categories_with_boxes_keep_their_classes() -> None:
    assert numbers(["bee", "wasp"], ["bee", "wasp"]) == {"bee": OCCLUDER, "wasp": OCCLUDER}


def turned_by_exif(path: Path, orientation: int) -> None:
    """A JPEG stored lying that says how it is to be turned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0\0\0\0\0"
    path.write_bytes(raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:])


@pytest.mark.parametrize("orientation", [5, 6, 8])
def test_boxes_of_an_unturned_image_are_not_trusted(tmp_path: Path, orientation: int) -> None:
    put(tmp_path / "a.json", annotated(["lying.jpg"], [{}]))
    turned_by_exif(tmp_path / "lying.jpg", orientation)
    defect = inspect(str(tmp_path), decode=True).all_defects[0]
    assert defect == (
        f"lying.jpg: the annotation states {WIDTH}x{HEIGHT}, the image has {HEIGHT}x{WIDTH}; it is turned upright as its EXIF says, "
        "the boxes may not be; its boxes cannot be trusted"
    )


@pytest.mark.parametrize(
    ("size", "box", "trusted"),
    [
        ((WIDTH, HEIGHT), [10, 20, 30, 40], True),
        ((2 * WIDTH, 2 * HEIGHT), [200, 20, 30, 40], False),  # boxes of the larger original
        ((2 * WIDTH, 2 * HEIGHT), [10, 20, 30, 40], False),  # who knows
        ((HEIGHT, WIDTH), [130, 20, 25, 40], True),  # the box is of the image as it is; the two numbers were swapped
        ((640, 640), [10, 20, 30, 40], False),  # letterboxed by an exporter
    ],
)
def test_sizes_are_compared_for_every_image(tmp_path: Path, size: tuple[int, int], box: list[float], trusted: bool) -> None:
    names = ["a.png", "b.png", "empty.png"]
    text = annotated(names, [{"bbox": box}, {"image_id": 2}], width=size[0], height=size[1])
    found = json.loads(text)
    found["images"][1] |= {"width": WIDTH, "height": HEIGHT}
    plan = made(tmp_path, names, json.dumps(found))
    defects = Defects(tmp_path, strict=False)
    read_ = [frame.frame for frame in plan.sequences[0].read(90, defects)]
    assert read_ == ([1, 2, 3] if trusted else [2, 3])
    assert len(defects.lines) == (0 if trusted else 1)


def test_sizes_are_compared_in_videos_too(tmp_path: Path) -> None:
    names = ["1.png", "2.png"]
    found = json.loads(annotated(names, [{"track_id": 1}, {"track_id": 1, "image_id": 2}]))
    found["images"][1]["width"] = 999
    plan = made(tmp_path, names, json.dumps(found))
    with pytest.raises(UserError, match=r"2\.png: the annotation states 999x120, the image has 160x120"):
        list(plan.sequences[0].read(90, Defects(tmp_path, strict=True)))


def test_one_picture_in_two_entries_of_a_file_is_a_defect(tmp_path: Path) -> None:
    found = made(tmp_path, ["a.png"], annotated(["a.png", "a.png"], [{}, {"image_id": 2}]))
    assert found.sequences[0].frames == 1
    assert found.defects[0] == "annotations/a.json: images[1]: a.png is the picture of images[0] already"


def test_one_picture_under_two_names_is_a_defect(tmp_path: Path) -> None:
    found = made(tmp_path, ["a.png"], annotated(["a.png", "images/a.png", "images\\a.png"], [{}, {"image_id": 2}]))
    assert (found.sequences[0].frames, len(found.defects)) == (1, 3)


def coco_2017(root: Path) -> None:
    names = ["1.png", "2.png"]
    captions = json.dumps(json.loads(annotated(names, [])) | {"annotations": [{"id": 1, "image_id": 1, "caption": "a room"}]})
    put(root / "annotations/captions_val2017.json", captions)
    put(root / "annotations/person_keypoints_val2017.json", annotated(names, [{}]))
    made(root, names, annotated(names, [{}, {"image_id": 2}]), "annotations/instances_val2017.json")


def test_coco_2017_as_downloaded_gives_each_picture_once(tmp_path: Path) -> None:
    coco_2017(tmp_path)
    found = planned(tmp_path, "coco")
    assert [(item.name, item.frames, len(item.annotation)) for item in found.sequences] == [("instances_val2017-00000", 2, 2)]
    assert (found.defects, found.notes) == (
        [],
        (
            "annotations/captions_val2017.json: none of its 1 annotations has a box; left out",
            "annotations/person_keypoints_val2017.json: 2 of its 2 images are those of annotations/instances_val2017.json; "
            "left out with their annotations",
        ),
    )
    assert inspect(str(tmp_path)).totals["frames"] == 2


def test_files_that_share_some_pictures_are_a_defect(tmp_path: Path) -> None:
    names = ["1.png", "2.png", "3.png"]
    put(tmp_path / "annotations/b.json", annotated(names[1:], [{}, {"image_id": 2}]))
    found = made(tmp_path, names, annotated(names[:2], [{}]))
    assert [(item.name, item.frames, len(item.annotation)) for item in found.sequences] == [("a-00000", 2, 1), ("b-00000", 1, 1)]
    assert found.defects == ["annotations/b.json: 1 of its 2 images are those of annotations/a.json; left out with their annotations"]


def test_a_root_that_is_the_file_itself_is_read_whole(tmp_path: Path) -> None:
    coco_2017(tmp_path)
    assert planned(tmp_path / "annotations/person_keypoints_val2017.json", "coco").sequences[0].frames == 2


@pytest.mark.parametrize("name", ["images\\a.png", ".\\images\\a.png", "./images/a.png", "a.png"])
def test_names_as_windows_writes_them(tmp_path: Path, name: str) -> None:
    assert made(tmp_path, ["a.png"], annotated([name], [{}])).sequences[0].frames == 1


def test_a_name_with_a_backslash_of_its_own_is_found(tmp_path: Path) -> None:
    assert made(tmp_path, ["a\\b.png"], annotated(["a\\b.png"], [{}])).sequences[0].frames == 1


def test_a_dead_link_is_a_defect(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/b.png").symlink_to("gone.png")
    found = made(tmp_path, ["a.png"], annotated(["a.png", "b.png"], [{}]))
    assert found.defects == ["annotations/a.json: images[1]: the image b.png cannot be read (a link to nothing)"]
