from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.files import depth_codec
from pipeline.files.depths import DepthRow
from pipeline.files.frames import Frame, encode_jpeg
from pipeline.packing.samples import Shape, fit, ignored, pack
from tests.pipeline.labelling import scenes

SHAPE = Shape(width=160, height=96, depth_stride=4, jpeg_quality=90, row_group_bytes=60_000, shard_bytes=10_000_000)


def frame(width: int = 320, height: int = 180) -> Frame:
    image = encode_jpeg(np.full((height, width, 3), 90, np.uint8), 90)
    return Frame("d", "s", 1, 0, width, height, image, scenes.people(np.random.default_rng(0), 3))


def depth(objects: int = 3) -> DepthRow:
    return DepthRow("d", "s", 1, depth_codec.encode(np.ones((9, 16), np.float32))[0], 0.1, np.ones(objects, np.float32))


def test_an_image_that_fits_keeps_its_bytes() -> None:
    small = frame(150, 90)
    row = pack(small, depth(), SHAPE, video=True, where="here")
    assert row["image"] == small.image
    assert (row["width"], row["height"]) == (150, 90)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (160, 90)), ((600, 1200), (48, 96)), ((160, 96), (160, 96)), ((5000, 1), (160, 1)), ((80, 20), (80, 20))],
)
def test_images_are_made_to_fit_with_their_aspect(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(*size, 160, 96) == expected


def test_unscored_people_are_ignored_and_vehicles_are_background() -> None:
    found = scenes.objects(np.zeros((6, 4)))
    found = replace(
        found,
        classes=np.array([1, 1, 8, 3, 1, 7], np.int32),
        confidences=np.array([1, 0, 0, 0, 1, 1], np.float32),
        ignores=np.array([0, 0, 0, 0, 1, 0], bool),
    )
    assert ignored(replace(frame(), objects=found)).tolist() == [False, True, True, False, True, True]
    # what is learnt is ignored where it is not scored; pedestrians are background where they are not learnt
    assert ignored(replace(frame(), objects=found), ("car",)).tolist() == [False, False, True, True, True, True]
