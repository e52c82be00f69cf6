"""Image files as JPEG bytes: a JPEG passes through untouched once it has proved whole, anything else is encoded."""

from __future__ import annotations

from typing import Literal, NamedTuple

import av

from pipeline import MAX_PIXELS
from pipeline.errors import UserError
from pipeline.files.frames import TooManyPixels, decode_jpeg, encode_jpeg
from pipeline.sources import content
from pipeline.sources.place import Place

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".jfif", ".jpe")
JPEG_START = b"\xff\xd8"
EXIF, SCAN, END = b"Exif\0\0", b"\xff\xda", b"\xff\xd9"
SUBFILE_TYPE = 254  # a TIFF's tag; bit 0: the page is a smaller copy of another
KINDS = ("yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "gray")  # that OpenCV decodes too


class BadImage(UserError):
    """An image file that cannot be used; the message starts with its path."""


class Picture(NamedTuple):
    """JPEG bytes with the size of the decoded image in pixels."""

    image: bytes
    width: int
    height: int


def read_picture(path: Place, quality: int) -> Picture:
    """Read an image file; what counts as a JPEG is its content, not its name.

    Args:
        path: the file.
        quality: JPEG quality for images that are not JPEGs.

    Raises:
        BadImage: the file cannot be read, its image is damaged or cut off, or it holds several pictures.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path}: the image cannot be read ({error.strerror})") from None
    try:
        if not raw.startswith(JPEG_START):
            if _holds_several(raw):
                raise BadImage(
                    f"{path}: holds several pictures, and an image file is one frame\nnext: convert it to one file per frame, or to a video"
                )
            pixels = decode_jpeg(raw, str(path))
            return Picture(encode_jpeg(pixels, quality), pixels.shape[1], pixels.shape[0])
        return Picture(raw, *_checked(raw, str(path)))
    except BadImage:
        raise
    except TooManyPixels as error:
        raise BadImage(str(error)) from None
    except UserError:
        named = content.name_of(raw[: content.LOOKED_AT])
        said = f"it is {named}" if named else "the image is damaged or cut off"
        raise BadImage(f"{path}: {said} ({len(raw)} bytes)") from None


def _holds_several(raw: bytes) -> bool:
    """Whether a PNG or WebP is animated, or a TIFF has a further page that is no smaller copy; decoders give the first alone."""
    if raw.startswith(b"\x89PNG"):
        return b"acTL" in raw[: raw.find(b"IDAT")]
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return raw[12:16] == b"VP8X" and raw[20] & 2 > 0  # the header's flag of an animation
    if raw[:4] in (b"II*\0", b"MM\0*"):
        order: Literal["little", "big"] = "little" if raw[:2] == b"II" else "big"
        second = _directory(raw, int.from_bytes(raw[4:8], order), order)[1]
        return second > 0 and not _directory(raw, second, order)[0].get(SUBFILE_TYPE, 0) & 1
    return False


def _directory(raw: bytes, at: int, order: Literal["little", "big"]) -> tuple[dict[int, int], int]:
    """The entries of a TIFF's page, value by tag, and where the next page starts; 0: there is none."""
    count = int.from_bytes(raw[at : at + 2], order)
    starts = range(at + 2, at + 2 + 12 * count, 12)
    entries = {int.from_bytes(raw[i : i + 2], order): int.from_bytes(raw[i + 8 : i + 12], order) for i in starts}
    return entries, int.from_bytes(raw[starts.stop : starts.stop + 4], order)


def _checked(raw: bytes, where: str) -> tuple[int, int]:
    """Width and height of a JPEG that proved whole, as decoding gives them.

    OpenCV and Pillow fill damaged parts with grey and say nothing; FFmpeg's decoder can be told to refuse. It finds every cut and nearly
    every overwritten stretch (778 of 780 random harms to MOT17 frames); a flipped bit may pass, since JPEG has no checksum. At an eighth
    of the size it finds the same in half the time. OpenCV decodes what FFmpeg does not know, what has no end, and what may say that it is
    to be turned.

    Raises:
        UserError: the image is damaged or cut off, or has too many pixels.
    """
    size = _read_by_ffmpeg(raw, lowres="3")
    if size is None:
        _read_by_ffmpeg(raw)
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise TooManyPixels(f"{where}: the image states {size[0]} x {size[1]} pixels, allowed are {MAX_PIXELS // 10**6} million")
    end = raw.rfind(END)
    if size is None or EXIF in raw[: raw.find(SCAN)] or end < 0 or raw.find(SCAN, end) > 0:
        pixels = decode_jpeg(raw, where)
        return pixels.shape[1], pixels.shape[0]
    return size


def _read_by_ffmpeg(raw: bytes, **options: str) -> tuple[int, int] | None:
    """Width and height of a JPEG; None where the decoder, so told, does not know such a one.

    Raises:
        UserError: it is damaged; never with options, which are a reason to refuse too.
    """
    codec = av.CodecContext.create("mjpeg", "r")
    codec.thread_count = 1
    codec.options = {"err_detect": "explode"} | options
    try:
        frames = codec.decode(av.Packet(raw))
    except av.error.InvalidDataError:
        if options:
            return None
        raise UserError from None
    except av.error.FFmpegError:
        return None  # which says nothing about damage
    return (codec.coded_width, codec.coded_height) if frames and frames[0].format.name in KINDS else None
