from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.teachers.files import DepthFiles, check_pattern
from pipeline.errors import UserError
from pipeline.files.depth_pictures import read_picture, read_scale
from pipeline.files.frames import Objects
from pipeline.labelling.folders import Folder
from tests.pipeline.labelling import scenes
from tests.pipeline.labelling.scenes import HEIGHT, WIDTH


def backend(root: Path, pattern: str, *, size: int = 80, inverse: bool = False) -> DepthFiles:
    return DepthFiles(pattern=pattern, folders={"d": Folder(root, 2)}, size=size, inverse=inverse)


def picture(path: Path, codes: np.ndarray, scale: float | None = 0.01) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), codes)
    if scale is not None:
        (path.parent / "scale.txt").write_text(f"{scale}\n")


def ramp() -> np.ndarray:
    return np.repeat(np.linspace(4000, 1000, HEIGHT).astype(np.uint16)[:, None], WIDTH, 1)


def test_pictures_become_maps_with_the_depth_of_boxes(tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "frames/d/s.parquet", [scenes.objects(np.array([[100, 80, 140, 120.0], [-90, 0, -50, 20]])), Objects()])
    picture(tmp_path / "s/depth/000001.png", ramp())
    labels = backend(tmp_path, "{root}/{sequence}/depth/{frame:06d}.png").label(path)
    first, second = labels.frames
    assert labels.facts == {"pictures": 1}
    assert first.depth.shape == (45, 80)
    assert first.scale == 0.01
    assert first.depth[0, 0] == pytest.approx(ramp()[2, 0] * 0.01, rel=0.01)
    assert first.objects[0] == pytest.approx(ramp()[100, 0] * 0.01, rel=0.02)
    assert first.objects[1] == 0  # not in the image
    assert not second.depth.any()  # the frame has no picture


def test_inverse_pictures_are_turned_once(tmp_path: Path) -> None:
    codes = np.array([[0, 100, 200]], np.uint16)
    picture(tmp_path / "a.png", codes, scale=0.001)
    depth, scale = read_picture(tmp_path / "a.png", inverse=True)
    np.testing.assert_allclose(depth, [[0, 10, 5]], rtol=1e-5)
    assert scale * 65535 == pytest.approx(1000)  # the farthest a code can say


def test_stills_are_found_by_the_name_of_their_image(tmp_path: Path) -> None:
    lines = [json.dumps({"ID": name}) for name in ("p", "q", "r", "t")]
    (tmp_path / "annotation_train.odgt").write_text("\n".join(lines))
    path = scenes.write(tmp_path / "frames/d/train-00001.parquet", [Objects(), Objects()], kind="stills", source="annotation_train.odgt")
    for code, name in enumerate("pqrt", 1):
        picture(tmp_path / f"depth/{name}.png", np.full((9, 16), code, np.uint16))
    labels = backend(tmp_path, "{root}/depth/{image}.png").label(path)
    assert [float(label.depth[0, 0]) for label in labels.frames] == pytest.approx([0.03, 0.04])
    (tmp_path / "annotation_train.odgt").write_text(lines[0])
    with pytest.raises(UserError, match="does not name the images of train-00001 any more"):
        backend(tmp_path, "{root}/depth/{image}.png").label(path)


def test_no_picture_at_all_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "frames/d/s.parquet", [Objects()])
    with pytest.raises(UserError, match=r"s/depth/000001.png: no such depth picture"):
        backend(tmp_path, "{root}/{sequence}/depth/{frame:06d}.png").label(path)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{root}/{camera}/{frame}.png", "unknown field camera"),
        ("{root}/{sequence}/depth.png", "the same file for every frame"),
        ("{root}/{frame:zz}.png", "cannot be filled in"),
        ("{root/{frame}.png", "cannot be filled in|unknown field"),
    ],
)
def test_patterns_that_find_nothing_are_refused(pattern: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_pattern(pattern)


@pytest.mark.parametrize("text", ["", "metres", "-1", "0", "inf", "nan"])
def test_a_scale_must_be_a_positive_number(tmp_path: Path, text: str) -> None:
    (tmp_path / "scale.txt").write_text(text)
    with pytest.raises(UserError, match=r"scale.txt:1: .* is not a number above 0"):
        read_scale(tmp_path)


def test_without_scale_a_code_is_one(tmp_path: Path) -> None:
    assert read_scale(tmp_path) == 1.0


def test_a_colour_picture_is_refused_by_name(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"a.png: not a 16-bit PNG"):
        read_picture(tmp_path / "a.png")
