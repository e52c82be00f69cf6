from __future__ import annotations

import numpy as np
import pytest

from models.teachers.video_depth_anything.pixels import input_shape, normalised


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (924, 518)),  # 16:9 as published: 518 * 16 / 9 = 920.9, to the nearest 14
        ((1080, 1920), (518, 924)),
        ((640, 480), (686, 518)),
        ((1000, 400), (910, 364)),  # wider: 518 * 1.777 / 2.5 = 368, to the nearest 14; 2.5 * 364 = 910
        ((518, 518), (518, 518)),
    ],
)
def test_what_the_network_sees(size: tuple[int, int], expected: tuple[int, int]) -> None:
    found = input_shape(*size, 518)
    assert found == expected


def test_pixels_are_normalised_as_imagenets() -> None:
    grey = np.full((56, 56, 3), 255, np.uint8)
    found = normalised(grey, 56)
    assert found.shape == (3, 56, 56)
    np.testing.assert_allclose(found[:, 0, 0], [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-5)
