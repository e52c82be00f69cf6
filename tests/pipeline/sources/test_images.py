from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from pipeline.files.frames import decode_jpeg
from pipeline.sources.images import BadImage, read_picture
from tests.pipeline.recorded import HEIGHT, WIDTH, picture, write_image
from tests.shared import dataset


@pytest.mark.parametrize("parameters", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]])
def test_a_jpeg_passes_through_untouched(tmp_path: Path, parameters: list[int]) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.zeros((30, 40, 3), np.uint8), parameters)
    assert read_picture(path, 50) == (path.read_bytes(), 40, 30)


def test_a_grey_jpeg_passes_through(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((30, 40), np.uint8))
    assert read_picture(tmp_path / "a.jpg", 50).image == (tmp_path / "a.jpg").read_bytes()


def test_a_png_is_encoded_at_the_quality(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    fine, coarse = (read_picture(tmp_path / "a.png", quality) for quality in (95, 30))
    assert (fine.width, fine.height) == (WIDTH, HEIGHT)
    assert len(coarse.image) < len(fine.image)
    assert decode_jpeg(fine.image, "").shape == (HEIGHT, WIDTH, 3)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    assert read_picture(tmp_path / "b.jpg", 90).image.startswith(b"\xff\xd8")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_a_file_with_several_pictures_is_no_frame(tmp_path: Path, suffix: str) -> None:
    first, second = (Image.fromarray(picture(index, 64, 48)) for index in (0, 1))
    first.save(tmp_path / f"one{suffix}")
    first.save(tmp_path / f"two{suffix}", save_all=True, append_images=[second])
    assert read_picture(tmp_path / f"one{suffix}", 90)[1:] == (64, 48)
    with pytest.raises(BadImage, match=rf"two{suffix}: holds several pictures, and an image file is one frame\nnext: convert it"):
        read_picture(tmp_path / f"two{suffix}", 90)


def test_a_tiff_with_a_small_copy_of_its_picture_is_one_frame(tmp_path: Path) -> None:
    small = TiffImagePlugin.ImageFileDirectory_v2()
    small[254] = 1  # NewSubfileType: a copy at less resolution
    whole = Image.fromarray(picture(0, 64, 48))
    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "a.tif"), True) as file:
        whole.save(file, "TIFF")
        file.newFrame()
        whole.resize((32, 24)).save(file, "TIFF", tiffinfo=small)
    assert Image.open(tmp_path / "a.tif").n_frames == 2
    assert read_picture(tmp_path / "a.tif", 90)[1:] == (64, 48)


def photograph(path: Path) -> bytes:
    """A picture as smooth as real ones are."""
    cv2.imwrite(str(path), cv2.GaussianBlur(picture(0, 320, 240), (0, 0), 3))
    return path.read_bytes()


def zeros_inside(raw: bytes) -> bytes:
    return raw[: len(raw) // 2] + bytes(500) + raw[len(raw) // 2 + 500 :]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut off"),
        pytest.param(lambda raw: raw[: len(raw) // 2] + b"\xff\xd9", id="cut off, with an end mark"),
        pytest.param(lambda raw: raw[:-2], id="end mark missing"),
        pytest.param(zeros_inside, id="zeros inside"),
        pytest.param(lambda raw: raw[: len(raw) // 2] + raw[len(raw) // 2 + 700 :], id="a piece missing"),
        pytest.param(lambda raw: raw[:100], id="header only"),
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: b"404 not found", id="not an image"),
    ],
)
def test_a_damaged_jpeg_is_named(tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(harm(photograph(path)))
    with pytest.raises(BadImage, match=r"a\.jpg: the image is damaged or cut off"):
        read_picture(path, 90)


def test_a_cut_off_png_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(write_image(path)[:9000])
    with pytest.raises(BadImage, match=r"a\.png"):
        read_picture(path, 90)


def test_bytes_after_the_end_mark_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(write_image(path) + bytes(100))
    assert read_picture(path, 90).image == path.read_bytes()


def test_no_real_image_is_taken_for_damaged() -> None:
    paths = sorted(dataset("MOT17-mini").rglob("*.jpg"))
    assert len([read_picture(path, 90) for path in paths]) == 39


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 48), (161, 121)])
@pytest.mark.parametrize("sampling", [0x411111, 0x221111, 0x211111, 0x111111])
def test_sizes_are_those_of_the_decoded_image(tmp_path: Path, size: tuple[int, int], sampling: int) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), picture(0, *size), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])
    found = read_picture(path, 50)
    assert decode_jpeg(path.read_bytes(), "").shape == (found.height, found.width, 3) == (size[1], size[0], 3)
