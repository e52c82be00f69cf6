"""The letterbox as products of matrices, beside OpenCV's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.gpu.letterbox import letterbox, matrices
from pipeline.tracking import detector

SIZES = [  # picture's rows and columns, input's width and height
    (1080, 1920, 1088, 608),  # MOT17: the sides' ratio is not the input's
    (480, 640, 1088, 608),  # enlarged, with a border left and right
    (1080, 1920, 1440, 800),
    (97, 61, 64, 96),  # odd sides
]


@pytest.mark.parametrize(("rows", "columns", "width", "height"), SIZES)
def test_values_are_opencvs_within_its_own_rounding(rows: int, columns: int, width: int, height: int) -> None:
    random = np.random.default_rng(0)
    coarse = random.uniform(0, 255, (rows // 16 + 2, columns // 16 + 2, 3))
    picture = np.kron(coarse, np.ones((16, 16, 1)))[:rows, :columns].astype(np.uint8)
    theirs, _ = detector.letterbox(picture, width, height)
    ours = letterbox(torch.from_numpy(picture)[None], width, height)[0].permute(1, 2, 0).mul(255).round().numpy()
    apart = np.abs(ours - theirs)
    # a step of 255 grey levels beside the shift's rounding to 1/32 pixel: at most 255 / 64 in either axis
    assert apart.max() <= 9
    assert apart.mean() < 0.25


def test_every_small_cell_is_a_mean_and_the_border_is_grey() -> None:
    (shrink, _), _ = matrices(10, 20, 8, 8)
    assert shrink.shape == (4, 10)
    np.testing.assert_allclose(shrink.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(shrink[0], [0.4, 0.4, 0.2] + [0] * 7, rtol=1e-6)
    canvas = letterbox(torch.full((1, 10, 20, 3), 200, dtype=torch.uint8), 8, 8)[0, 0].mul(255).round()
    assert canvas[:, 0].tolist() == [127, 127, 200, 200, 200, 200, 127, 127]
