"""The warp gives what OpenCV gives for the same colours and the same map."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.numerics.kernels.colour import scale_colours
from pipeline.numerics.kernels.warp import warp

GREY = 127
Matrix = NDArray[np.float64]


def by_opencv(image: NDArray[np.uint8], saturation: float, value: float, matrix: Matrix, width: int, height: int) -> NDArray[np.uint8]:
    words = np.empty(image.shape[:2], np.uint32)
    scale_colours(image.reshape(-1), np.float32(saturation), np.float32(value), words.reshape(-1))
    coloured = np.ascontiguousarray(words.view(np.uint8).reshape(*words.shape, 4)[..., :3])
    return cv2.warpAffine(coloured, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)  # type: ignore[return-value]


def warped(image: NDArray[np.uint8], saturation: float, value: float, matrix: Matrix, width: int, height: int) -> NDArray[np.uint8]:
    out = np.zeros((height, width, 3), np.uint8)
    warp(image, saturation, value, cv2.invertAffineTransform(matrix).astype(np.float32), GREY, out)
    return out


def noise(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_any_map_of_any_image(seed: int) -> None:
    """Sizes from one pixel on; images larger and smaller than the result, turned, mirrored and upside down, in part or wholly outside."""
    random = np.random.default_rng(seed)
    image = noise(seed, *random.integers(1, 150, 2))
    turned = random.normal(size=(2, 2)) if seed % 2 else np.diag(random.choice([-1, 1], 2)) + 0.1 * random.normal(size=(2, 2))
    matrix = np.column_stack([turned, random.uniform(-60, 160, 2)])
    width, height = map(int, random.integers(1, 170, 2))
    saturation, value = random.uniform(0, 2, 2)
    expected = by_opencv(image, saturation, value, matrix, width, height)
    difference = np.abs(warped(image, saturation, value, matrix, width, height).astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3, "where a processor rounds otherwise, ties alone"


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, 0], [0, 1, 0]],
        [[1, 0, 7], [0, 1, -5]],
        [[-1, 0, 63], [0, 1, 0]],
        [[0, 1, 0], [1, 0, 0]],
        [[0, -1, 40], [1, 0, 3]],
        [[1, 0, -0.5], [0, 1, 0.25]],
    ],
)
def test_maps_along_the_axes(matrix: list[list[float]]) -> None:
    image = noise(0, 48, 64)
    assert (warped(image, 1.0, 1.0, np.array(matrix, float), 64, 48) == by_opencv(image, 1.0, 1.0, np.array(matrix, float), 64, 48)).all()


@pytest.mark.parametrize("shift", [[64, 0], [-64, 0], [0, 48], [0, -48], [1e6, 0], [0, -1e9], [63.9999, 0], [-63.9999, 0]])
def test_an_image_outside_leaves_grey(shift: list[float]) -> None:
    matrix = np.column_stack([np.eye(2), shift])
    assert (warped(np.zeros((48, 64, 3), np.uint8), 1.0, 1.0, matrix, 64, 48) == GREY).all()


def test_what_is_written_is_all_of_it_and_no_more() -> None:
    """Memory before and after the result's stays."""
    room = np.full((4, 48, 64, 3), 9, np.uint8)
    warp(noise(1, 48, 64), 1.0, 1.0, np.float32([[1.01, 0.02, -3.3], [-0.02, 1.01, 2.2]]), GREY, room[1])
    expected = by_opencv(noise(1, 48, 64), 1.0, 1.0, cv2.invertAffineTransform(np.array([[1.01, 0.02, -3.3], [-0.02, 1.01, 2.2]])), 64, 48)
    assert np.abs(room[1].astype(int) - expected).max() <= 1
    assert (room[[0, 2, 3]] == 9).all()
