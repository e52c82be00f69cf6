"""Indexed images: what is written is read back, with and without palette, and the palette is the usual one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pipeline.files.indexed_images import palette, read_indexed, write_indexed


def test_numbers_are_read_back_whatever_the_palette(tmp_path: Path) -> None:
    numbers = np.arange(256, dtype=np.uint8).reshape(8, 32)
    write_indexed(tmp_path / "palette.png", numbers)
    cv2.imwrite(str(tmp_path / "gray.png"), numbers)
    assert np.array_equal(read_indexed(tmp_path / "palette.png"), numbers)
    assert np.array_equal(read_indexed(tmp_path / "gray.png"), numbers)
    assert cv2.imread(str(tmp_path / "palette.png"))[0, 1].tolist() == [0, 0, 128], "red, as a viewer shows the first object"


def test_the_palette_is_pascal_vocs() -> None:
    colours = np.frombuffer(palette(), np.uint8).reshape(256, 3)
    assert colours[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert colours[255].tolist() == [224, 224, 192]
