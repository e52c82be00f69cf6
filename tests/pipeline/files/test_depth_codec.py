from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files import depth_codec


def test_depth_comes_back_within_half_a_code() -> None:
    depth = np.random.default_rng(0).uniform(0.5, 80, (20, 30)).astype(np.float32)
    png, scale = depth_codec.encode(depth)
    back = depth_codec.decode(png, scale)
    assert back.dtype == np.float32
    assert scale == pytest.approx(depth.max() / 65535)
    np.testing.assert_allclose(back, depth, atol=0.51 * scale)


def test_zero_stays_unknown_small_stays_known_and_infinity_is_the_largest_code() -> None:
    depth = np.array([[0, -1, np.nan, 1e-9, 5, np.inf]], np.float32)
    png, scale = depth_codec.encode(depth, scale=0.001)
    assert scale == 0.001
    assert depth_codec.decode_codes(png).tolist() == [[0, 0, 0, 1, 5000, 65535]]


def test_a_map_without_known_depth_has_scale_one() -> None:
    png, scale = depth_codec.encode(np.zeros((2, 3), np.float32))
    assert scale == 1.0
    assert not depth_codec.decode(png, scale).any()


def test_the_same_map_gives_the_same_bytes() -> None:
    depth = np.linspace(1, 9, 600, dtype=np.float32).reshape(20, 30)
    assert depth_codec.encode(depth)[0] == depth_codec.encode(depth.copy())[0]


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"no picture",
        bytes(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1]),  # 8 bits
        bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint16))[1]),  # a colour map
    ],
)
def test_what_is_no_16_bit_map_is_refused_by_name(png: bytes) -> None:
    with pytest.raises(UserError, match=r"seq frame 3: not a 16-bit PNG"):
        depth_codec.decode(png, 1.0, "seq frame 3")


def test_map_size_keeps_the_aspect() -> None:
    assert depth_codec.map_size(1920, 1080, 160) == (160, 90)
    assert depth_codec.map_size(480, 640, 160) == (120, 160)
    assert depth_codec.map_size(1000, 1, 10) == (10, 1)


def test_resizing_invents_no_code() -> None:
    codes = np.array([[1, 1000], [0, 65535]], np.uint16)
    big = depth_codec.resize_codes(codes, 6, 4)
    assert big.shape == (4, 6)
    assert set(np.unique(big)) == {0, 1, 1000, 65535}
    np.testing.assert_array_equal(depth_codec.resize_codes(big, 2, 2), codes)
