"""The kind of a file's content, recognised by its first bytes."""

from __future__ import annotations

from typing import Literal

LOOKED_AT = 1024  # bytes
_BRANDS_OF_PICTURES = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_VIDEOS = (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"FLV\x01", b"0&\xb2u\x8ef\xcf\x11", b"OggS", b"YUV4MPEG2", b"DHAV",
           b"\x00\x00\x00\x01\x67", b"\x00\x00\x00\x01\x40")  # fmt: skip
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
_OTHERS = (
    (b"version https://git-lfs", "a pointer of Git LFS, whose file was not downloaded"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a rar archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF"),
    (b"GIF8", "a GIF"),
    (b"\x89HDF", "HDF5"),
)


def kind(head: bytes) -> Literal["video", "image"] | None:
    """Whether the first bytes of a file are a video's or an image's."""
    if head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    # a transport stream has packets of 188 bytes, cameras put 4 bytes before each
    mpeg = any(head[at : at + 1] == b"\x47" and head[at + step : at + step + 1] == b"\x47" for at, step in ((0, 188), (4, 192)))
    film = head[4:8] == b"ftyp" and head[8:12] not in _BRANDS_OF_PICTURES and head[8:12] not in (b"avif", b"avis", b"M4A ")
    if head.startswith(_VIDEOS) or mpeg or film or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    return None


def name_of(head: bytes) -> str | None:
    """What a file is that looks like an image or a video and is neither, in words for a message; None: unknown."""
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS_OF_PICTURES:
        return "a HEIC picture; convert it to JPEG"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")) and (b"html" in head.lower()):
        return "a web page (HTML), as a failed download leaves it"
    return next((name for mark, name in _OTHERS if head.startswith(mark)), None)
