"""The table of docs/data.md: what each kind of source reads, from small sets. `python -m tests.pipeline.sources.data_table --write`."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from experiments.papers.markdown import insert
from pipeline.sources.inspect import inspect
from tests.pipeline.imitated import MADE
from tests.shared import ROOT

PAGE = ROOT / "docs/data.md"
COLUMNS = ("sequences", "frames", "identities", "boxes", "masks", "joints", "not scored", "defects")
HEAD = f"| data set | kind | read from | {' | '.join(COLUMNS)} |\n|---|---|---{'|---:' * len(COLUMNS)}|\n"
MOT17_LENGTHS = {"02": 600, "04": 1050, "05": 837, "09": 525, "10": 654, "11": 900, "13": 750}


def made_row(name: str, folder: Path) -> str:
    """The row of an imitated set, written to a folder that does not exist yet."""
    kind, make = MADE[name]
    return _row(name, kind, "imitated", make(folder))


def real_row(name: str, data: Path, folder: Path) -> str:
    """The row of a real set.

    Args:
        name: of `REAL`.
        data: the folder of third-party data sets.
        folder: for what has to be made; does not exist yet.
    """
    said, make = REAL[name]
    return _row(name, "mot_challenge", said, make(data, folder))


def standing_in(data: Path, folder: Path) -> Path:
    """The ground truth of MOT17's training sequences over grey pictures of their sizes and numbers."""
    for number, count in MOT17_LENGTHS.items():
        name = f"MOT17-{number}-FRCNN"
        images = folder / name / "img1"
        images.mkdir(parents=True)
        width, height = (640, 480) if number == "05" else (1920, 1080)
        cv2.imwrite(str(images / "000001.jpg"), np.full((height, width, 3), 128, np.uint8))
        for frame in range(2, count + 1):
            (images / f"{frame:06d}.jpg").symlink_to("000001.jpg")
        (folder / name / "gt").mkdir()
        shutil.copy(data / "MOT17-train-gt" / name / "gt/gt.txt", folder / name / "gt/gt.txt")
    return folder


REAL: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "PETS09-S2L1": ("the real set", lambda data, folder: data / "PETS09-S2L1"),
    "MOT17, 39 images of it": ("the real set", lambda data, folder: data / "MOT17-mini"),
    "MOT17, training sequences": ("the real ground truth, grey pictures", standing_in),
}


def rows() -> dict[str, str]:
    """The rows of the page by their data sets."""
    return {match[1]: match[0] for match in re.finditer(r"(?m)^\| (?!data set)([^|]+) \| \w+ \|.*$", PAGE.read_text())}


def write(data: Path) -> None:
    """Measure every row and write the page; rows whose data set is absent stay as they are."""
    before, found = rows(), []
    with tempfile.TemporaryDirectory() as folder:
        found = [made_row(name, Path(folder) / f"set-{index}" / "set") for index, name in enumerate(MADE)]
        for index, name in enumerate(REAL):
            found.append(real_row(name, data, Path(folder) / f"real-{index}") if data.is_dir() else before[name])
    PAGE.write_text(insert(PAGE.read_text(), "sources", HEAD + "\n".join(found)))


def _row(name: str, kind: str, said: str, root: Path) -> str:
    found = inspect(str(root), decode=said != REAL["MOT17, training sequences"][0])
    assert found.kind == kind, f"{name} is taken for {found.kind}"
    keys = ("sequences", "frames", "identities", "boxes", "masks", "joints", "ignored", "defects")
    return f"| {name} | {kind} | {said} | {' | '.join(str(found.totals[key]) for key in keys)} |"


if __name__ == "__main__":
    import os

    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.pipeline.sources.data_table --write")
    write(Path(os.environ.get("THROUGHLINE_DATA", ROOT.parent / "shared" / "datasets")))
