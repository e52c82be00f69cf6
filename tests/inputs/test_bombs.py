"""Small files that would fill memory: refused by what they state, before they are unpacked."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.sources.images import BadImage, read_picture
from pipeline.sources.place import locate


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A small picture whose header states another size."""
    raw = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    start = raw.index(b"\xff\xc0")
    raw[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(raw)


@pytest.mark.parametrize("raw", [png(30000, 30000), jpeg(65000, 65000)], ids=["png", "jpeg"])
def test_an_image_of_too_many_pixels_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.png").write_bytes(raw)
    with pytest.raises(BadImage, match=r"a\.png: "):
        read_picture(tmp_path / "a.png", 95)


def test_the_png_is_refused_for_its_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(30000, 30000))
    with pytest.raises(BadImage, match="states more than 134 million pixels"):
        read_picture(tmp_path / "a.png", 95)


def test_a_member_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        with stream.open("a/gt.txt", "w", force_zip64=True) as member:
            for _ in range(100):
                member.write(bytes(1 << 20))
        stream.writestr("a/labels.json", b'{"frame": 1}' * 1000)  # 40 times its packed bytes, and small
    root = locate(str(archive), tmp_path)
    bomb = root / "a" / "gt.txt"
    with pytest.raises(OSError, match=r"0\.1 MB in the archive would unpack to 0\.10 GB; it is not read"):
        bomb.read_bytes()
    with pytest.raises(OSError, match="it is not read"):
        bomb.copy_to(tmp_path / "copy")  # type: ignore[union-attr]
    assert len((root / "a" / "labels.json").read_bytes()) == 12000
