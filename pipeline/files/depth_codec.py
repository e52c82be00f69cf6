"""Depth maps as 16-bit, lossless PNG: depth = code * scale, grows with distance, code 0 where the depth is unknown.

The scale belongs to a sequence, so that codes compare between its frames; stills are scenes of their own and have one each.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

LARGEST_CODE = 65535
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 6]


def encode(depth: NDArray[np.float32], scale: float | None = None) -> tuple[bytes, float]:
    """Compress a map.

    Args:
        depth: (H, W) float32; 0, negative and NaN are unknown, infinity is the largest code.
        scale: depth of one code. None: the largest finite depth gets the largest code (1.0 for a map without any).

    Returns:
        PNG bytes and the scale. Known depths below one code become code 1 and depths beyond the largest code become it.
    """
    known = depth > 0
    if scale is None:
        finite = depth[known & np.isfinite(depth)]
        scale = float(finite.max()) / LARGEST_CODE if finite.size else 1.0
    codes = np.zeros(depth.shape, np.uint16)
    codes[known] = np.clip(np.rint(depth[known].astype(np.float64) / scale), 1, LARGEST_CODE).astype(np.uint16)
    return encode_codes(codes), scale


def decode(png: bytes, scale: float, where: str = "depth map") -> NDArray[np.float32]:
    """(H, W) float32 depth, 0 where unknown.

    Raises:
        UserError: the bytes are no 16-bit PNG; `where` names them.
    """
    return decode_codes(png, where).astype(np.float32) * np.float32(scale)


def encode_codes(codes: NDArray[np.uint16]) -> bytes:
    """PNG bytes of an (H, W) uint16 map."""
    return bytes(cv2.imencode(".png", codes, _PNG)[1])


def decode_codes(png: bytes, where: str = "depth map") -> NDArray[np.uint16]:
    """(H, W) uint16 codes.

    Raises:
        UserError: the bytes are no 16-bit, one-channel PNG; `where` names them.
    """
    codes = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) if png else None
    if codes is None or codes.dtype != np.uint16 or codes.ndim != 2:
        raise UserError(
            f"{where}: not a 16-bit PNG of one channel\nnext: write the depth again; colour maps and 8-bit pictures are no depth"
        )
    return np.asarray(codes, np.uint16)


def map_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """(width, height) of a map whose longest side is `longest`, the image's aspect kept, at least 1 x 1."""
    factor = longest / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def resize_codes(codes: NDArray[np.uint16], width: int, height: int) -> NDArray[np.uint16]:
    """(height, width) uint16 codes, sampled at the nearest pixel.

    Averaging would invent depths between a person and what is behind.
    """
    if codes.shape == (height, width):
        return codes
    rows = _nearest(codes.shape[0], height)
    columns = _nearest(codes.shape[1], width)
    return np.ascontiguousarray(codes[rows[:, None], columns[None, :]])


def resize_depth(depth: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """(height, width) float32 depths, sampled at the nearest pixel as in `resize_codes`."""
    rows, columns = _nearest(depth.shape[0], height), _nearest(depth.shape[1], width)
    return np.ascontiguousarray(depth[rows[:, None], columns[None, :]])


def _nearest(source: int, target: int) -> NDArray[np.int64]:
    """Pixel of `source` that holds the centre of each pixel of `target`."""
    return np.minimum(((np.arange(target) + 0.5) * source / target).astype(np.int64), source - 1)
