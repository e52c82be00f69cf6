"""Scaled colours are those of HSV in floats."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.numerics.kernels.colour import scale_colours

LEVELS = np.r_[0:256:5, 1, 127, 254].astype(np.uint8)
COLOURS = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), axis=-1).reshape(1, -1, 3)


def scaled(image: NDArray[np.uint8], saturation: float, value: float) -> NDArray[np.uint8]:
    words = np.full(image.size // 3, 2**32 - 1, np.uint32)
    scale_colours(image.reshape(-1), np.float32(saturation), np.float32(value), words)
    return words.view(np.uint8).reshape(-1, 4)


def by_hsv(image: NDArray[np.uint8], saturation: float, value: float) -> NDArray[np.float32]:
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV) * np.float32([1, saturation, value])
    hsv[..., 1:] = hsv[..., 1:].clip(0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).reshape(-1, 3) * 255


@pytest.mark.parametrize("saturation", [0.0, 0.4, 1.0, 1.6, 10.0])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, 1.3, 300.0])
def test_every_colour_is_scaled_as_in_hsv_and_rounded(saturation: float, value: float) -> None:
    result = scaled(COLOURS, saturation, value)
    assert np.abs(result[:, :3] - by_hsv(COLOURS, saturation, value)).max() < 0.51
    assert (result[:, 3] == 0).all()


def test_factors_of_one_change_nothing() -> None:
    assert (scaled(COLOURS, 1.0, 1.0)[:, :3] == COLOURS[0]).all()


@pytest.mark.parametrize("pixels", [0, 1, 2, 15, 16, 17, 33])
def test_a_pixel_does_not_depend_on_those_beside_it(pixels: int) -> None:
    """Vectors take many at once, and the rest one by one."""
    image = np.random.default_rng(pixels).integers(0, 256, (1, pixels, 3), np.uint8)
    alone = [scaled(image[:, [index]], 1.37, 0.81) for index in range(pixels)]
    assert (scaled(image, 1.37, 0.81) == np.concatenate([np.zeros((0, 4), np.uint8), *alone])).all()
