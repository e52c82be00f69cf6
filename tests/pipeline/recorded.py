"""Small videos and pictures, and data sets in the public layouts made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 160, 120
TICKS = 1000  # a second, of the time stamps


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A textured picture whose place in its sequence shows in the mean of its right edge."""
    rng = np.random.default_rng(0)
    image = np.roll(rng.integers(60, 200, (height, width, 3), np.uint8), 3 * index, axis=1)
    image[:, -16:] = 3 * index
    return image


def place(image: NDArray[np.uint8]) -> int:
    """What `picture` was given, read off the picture."""
    return round(float(image[:, -10:-4].mean()) / 3)


def record(
    path: Path, count: int = 40, *, stamps: Sequence[int] | None = None, codec: str = "libx264", rotation: int = 0, **options: str
) -> Path:
    """Write a video at 25 frames/s, or with the given time stamps in milliseconds."""
    stamps = stamps or [40 * index for index in range(count)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25 if codec == "mpeg4" else TICKS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = (index, Fraction(1, 25)) if codec == "mpeg4" else (stamp, Fraction(1, TICKS))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def truncate(path: Path, share: float) -> Path:
    """Keep the first `share` of a file's bytes."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def write_image(path: Path, index: int = 0, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Write a picture in the format of its name; returns the bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture(index, width, height), cv2.COLOR_RGB2BGR))
    return path.read_bytes()


def mot_sequence(
    folder: Path, frames: Sequence[int] = (1, 2, 3), gt: str | None = None, det: str | None = None, ini: str | None = None
) -> Path:
    """Write img1 and, where given, gt.txt, det.txt and seqinfo.ini."""
    for frame in frames:
        write_image(folder / f"img1/{frame:06d}.jpg", frame)
    for name, text in (("gt/gt.txt", gt), ("det/det.txt", det), ("seqinfo.ini", ini)):
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


def person(left: float = 10, **changes: Any) -> dict[str, Any]:
    """A box of an odgt line."""
    return {
        "tag": "person",
        "fbox": [left, 20, 20, 40],
        "vbox": [left, 20, 20, 10],
        "hbox": [left, 20, 5, 5],
        "extra": {"box_id": 0},
    } | changes


def crowdhuman(folder: Path, train: Sequence[str], val: Sequence[str] = ()) -> Path:
    """Write a CrowdHuman root whose odgt files hold one person a still."""
    for split, names in (("train", train), ("val", val)):
        lines = [json.dumps({"ID": name, "gtboxes": [person()]}) for name in names]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"annotation_{split}.odgt").write_text("\n".join(lines) + "\n")
    for index, name in enumerate([*train, *val]):
        write_image(folder / f"Images/{name}.jpg", index)
    return folder
