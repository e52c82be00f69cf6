"""How the time of the data stages grows with the length of a sequence: small frames with ground truth, 1, 4 and 16 times as many."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import av

from benchmarks import longvideo
from benchmarks.extraction import extract, extract_to
from benchmarks.harness import Growth, Work, grow
from benchmarks.packing import pack
from models.teachers.ground_plane import GroundPlane
from pipeline.artifacts.publication import Publication
from pipeline.files.frames import encode_jpeg, frame_facts
from pipeline.labelling.folders import Folder
from pipeline.labelling.job import LabelTask, label_file

FRAMES = (500, 2000, 8000)
QUALITY, MAP_SIZE = 92, 160
NAME = "videos/a.parquet"


def measure(frames: Sequence[int] = FRAMES) -> Iterator[Growth]:
    """One line per stage; processor time, since each works alone."""
    with tempfile.TemporaryDirectory(prefix="throughline-growth-") as name:
        folders = {count: Path(name, str(count)) for count in frames}
        for count, folder in folders.items():
            prepare(folder, count)
        stages: dict[str, Callable[[Path], object]] = {
            "extraction, video": partial(extract, kind="videos", sequences=("a",)),
            "extraction, images": partial(extract, kind="images", sequences=("a",)),
            "depth labelling, ground plane": label,
            "packing": partial(pack, name="a"),
        }
        for what, work in stages.items():
            yield grow(what, "frames", frames, _on(work, folders), rounds=2, clock=time.process_time)


def _on(work: Callable[[Path], object], folders: Mapping[int, Path]) -> Callable[[int], Work]:
    return lambda count: partial(work, folders[count])


def prepare(folder: Path, frames: int) -> None:
    """One sequence as a video and as images, its frame file and its depth file."""
    longvideo.film(folder / "videos/a", frames)
    images = folder / "images/a/img1"
    images.mkdir(parents=True)
    shutil.copytree(folder / "videos/a/gt", folder / "images/a/gt")
    with av.open(str(folder / "videos/a/video.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            (images / f"{number:06d}.jpg").write_bytes(encode_jpeg(frame.to_ndarray(format="rgb24"), QUALITY))
    extract_to(folder / "frames", folder, "videos", ("a",))
    label(folder)


def label(folder: Path) -> None:
    """Label the depth of the sequence as the stage does."""
    publication, frames = Publication(folder / "depth", "label_depth", "a" * 64), folder / "frames" / NAME
    count = frame_facts(frames)["frames"]
    label_file(LabelTask(GroundPlane(MAP_SIZE), frames, Folder(folder / "videos", 1), publication, NAME, count))
    publication.publish()
