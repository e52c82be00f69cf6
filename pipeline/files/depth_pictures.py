"""Depth in pictures: 16-bit PNGs of one channel, 0 = unknown; depth = code * scale of a file scale.txt beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.files import depth_codec

SCALE_FILE = "scale.txt"


def read_picture(path: Place, *, inverse: bool = False) -> tuple[NDArray[np.float32], float]:
    """A picture as (h, w) float32 depth, 0 unknown, and the depth of one code.

    Raises:
        UserError: the picture or its scale cannot be read.
    """
    scale = read_scale(path.parent)
    codes = depth_codec.decode_codes(path.read_bytes(), str(path))
    if not inverse:
        return codes.astype(np.float32) * np.float32(scale), scale
    known = codes > 0
    depth = np.zeros(codes.shape, np.float32)
    depth[known] = 1 / (codes[known].astype(np.float32) * np.float32(scale))
    # the farthest that a code can say, 1 / scale, gets the largest code: the same in every picture of the folder
    return depth, 1 / (scale * depth_codec.LARGEST_CODE)


def read_scale(folder: Place) -> float:
    """Depth of one code: the number in scale.txt, 1.0 without that file.

    Raises:
        UserError: scale.txt is no number above 0.
    """
    path = folder / SCALE_FILE
    if not path.is_file():
        return 1.0
    text = path.read_text().strip()
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise UserError(f"{path}:1: {text[:80]!r} is not a number above 0\nnext: write the depth of one code there, for example 0.001")
    return scale
