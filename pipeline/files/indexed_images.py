"""PNG images whose values are numbers of objects, with or without a palette, as DAVIS and YouTube-VOS have them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import MAX_PIXELS
from pipeline.errors import UserError
from pipeline.files.readable import Readable

VOID = 255  # in DAVIS' images: neither object nor background


def read_indexed(path: Readable) -> NDArray[np.uint8]:
    """(H, W) the number of the object at each pixel, 0 where there is none.

    Raises:
        UserError: the file is no image, or one of colours.
    """
    from PIL import Image, UnidentifiedImageError  # OpenCV turns a palette's numbers into colours

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{path}: states {image.width}x{image.height} pixels\nnext: leave it out")
            if image.mode not in ("P", "L", "1"):
                raise UserError(
                    f"{path}: an image of colours ({image.mode}); expected numbers of objects, with a palette or in gray\n"
                    "next: write each object's number into the image"
                )
            return np.asarray(image if image.mode != "1" else image.convert("L"), np.uint8) // (255 if image.mode == "1" else 1)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise UserError(f"{path}: not an image ({error})\nnext: replace the file") from None


def write_indexed(path: Path, numbers: NDArray[np.uint8]) -> None:
    """Write (H, W) numbers of objects with a palette that tells neighbours apart."""
    from PIL import Image

    image = Image.fromarray(numbers).convert("P")
    image.putdata(numbers.reshape(-1).tolist())
    image.putpalette(palette())
    image.save(path)


def palette() -> bytes:
    """256 colours, three bytes each: the bits of a number, by turns, are the high bits of red, green and blue (Pascal VOC)."""
    colours = np.zeros((256, 3), np.int64)
    numbers = np.arange(256)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> channel) & 1) << (7 - bit)
        numbers = numbers >> 3
    return colours.astype(np.uint8).tobytes()
