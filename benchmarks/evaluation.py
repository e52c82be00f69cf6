"""Scoring results of the size of MOT17's training set: our command beside TrackEval's, each a process of its own, start included.

The ground truth is the real one; results are made of it by a seeded generator: boxes jitter, some are missing, identities change. Every
figure that both commands give is compared before anything is timed.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.harness import Growth, Timed, Work, compare, grow
from pipeline.artifacts.code import ROOT
from pipeline.errors import UserError

DATA = Path(os.environ.get("THROUGHLINE_DATA", ROOT.parent / "shared" / "datasets")) / "MOT17-train-gt"
TRACKER = "perturbed"
PEDESTRIAN, STATIC = 1, 7
SIZES = (1, 4, 16, 64)  # sequences, for the growth
# our name -> TrackEval's; these figures are shares there and percentages here
SHARES = {
    "HOTA": "HOTA___AUC", "DetA": "DetA___AUC", "AssA": "AssA___AUC", "LocA": "LocA___AUC",
    "MOTA": "MOTA", "MOTP": "MOTP", "IDF1": "IDF1", "IDP": "IDP", "IDR": "IDR",
}  # fmt: skip
COUNTS = {"IDSW": "IDSW", "FP": "CLR_FP", "FN": "CLR_FN", "MT": "MT", "ML": "ML", "Frag": "Frag"}
COUNTS |= {"truth_boxes": "GT_Dets", "truth_identities": "GT_IDs", "result_boxes": "Dets", "result_identities": "IDs"}


def measure() -> Iterator[Timed | Growth]:
    """A line for the seven sequences, and how time grows with their number."""
    if not DATA.is_dir():
        raise UserError(f"{DATA}: no such folder\nnext: set THROUGHLINE_DATA to the folder that holds MOT17-train-gt")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, truth in enumerate(sorted(DATA.iterdir())):
            perturb(truth / "gt" / "gt.txt", folder / TRACKER / "data" / f"{truth.name}.txt", seed=number)
        ours, theirs = ours_on(DATA, folder), _process("-m", "benchmarks.trackeval_command", str(DATA), str(folder), TRACKER)
        ours()
        theirs()
        compare_figures(folder)
        quick = _process("-m", "benchmarks.trackeval_command", str(DATA), str(folder), TRACKER, "--quick")
        peers = {"TrackEval's command": theirs, "TrackEval, processes, no plots": quick}
        yield compare("evaluation, 7 sequences of MOT17", "evaluation", 1, ours, peers, aim=3.0, rounds=5)
        yield grow("evaluation, as often MOT17-09", "sequences", SIZES, lambda size: _several(folder / str(size), size))


def perturb(truth: Path, out: Path, *, seed: int) -> None:
    """Results made of a gt.txt: scored people and some static ones, of which 15 % are missing; another identity every 100 frames."""
    random, rows = np.random.default_rng(seed), np.loadtxt(truth, delimiter=",")
    static = (rows[:, 7] == STATIC) & (random.random(len(rows)) < 0.3)
    rows = rows[((rows[:, 7] == PEDESTRIAN) & (rows[:, 6] == 1) | static) & (random.random(len(rows)) < 0.85)]
    frame, identity = rows[:, 0].astype(int), rows[:, 1].astype(int) * 10 + rows[:, 0].astype(int) // 100 % 3
    boxes = rows[:, 2:6] + random.normal(0, 0.05, (len(rows), 4)) * rows[:, [4, 5, 4, 5]]
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w") as stream:
        for at in np.lexsort((identity, frame)):
            stream.write(f"{frame[at]},{identity[at]},{','.join(f'{value:.2f}' for value in boxes[at])},1,-1,-1,-1\n")


def ours_on(truth: Path, folder: Path) -> Work:
    """Our command on a folder with perturbed results; writes <folder>/scores."""
    options = {"--gt": truth, "--tracks": folder / TRACKER / "data", "--benchmark": "MOT17", "--out": folder / "scores"}
    return _process("-m", "throughline", "evaluate", *(str(word) for pair in options.items() for word in pair))


def compare_figures(folder: Path) -> int:
    """Compare what both commands wrote, sequence by sequence, as far as its four digits go; returns how many figures were equal.

    Raises:
        AssertionError: two differ.
    """
    ours = json.loads((folder / "scores" / "metrics.json").read_text())
    with (folder / TRACKER / "pedestrian_detailed.csv").open() as stream:
        theirs = {row["seq"]: row for row in csv.DictReader(stream)}
    equal = 0
    for name, row in theirs.items():
        mine = ours["combined"] if name == "COMBINED" else ours["sequences"][name]
        for key, other in (SHARES | COUNTS).items():
            expected = round(100 * float(row[other]), 4) if key in SHARES else int(float(row[other]))
            assert mine[key] == expected, f"{name} {key}: {mine[key]} here, {expected} by TrackEval"
            equal += 1
    return equal


def _several(folder: Path, size: int) -> Work:
    source = DATA / "MOT17-09-FRCNN" / "gt" / "gt.txt"
    for number in range(size):
        name = f"copy-{number:02d}"
        (folder / "gt" / name / "gt").mkdir(parents=True)
        (folder / "gt" / name / "gt" / "gt.txt").symlink_to(source)
        perturb(source, folder / TRACKER / "data" / f"{name}.txt", seed=number)
    return ours_on(folder / "gt", folder)


def _process(*words: str) -> Work:
    def work() -> None:
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    return work
