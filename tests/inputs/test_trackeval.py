"""Two thousand random cases scored by us and by TrackEval: equal to the last digit, or refused by both, or by one for a listed reason.

A case is a sequence of ground truth and results under one of the rule sets: odd columns, flags, classes, gaps, boxes twice, unknown
identities, separators, broken cells, on both sides. VisDrone's columns are not among them: TrackEval takes its categories for
MOTChallenge's classes, which is no second opinion.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.scoring.rules import BENCHMARKS, BY_CLASS, Benchmark
from pipeline.scoring.tracking import score_text
from tests.pipeline.scoring.text import figures, trackeval_alone

RULES = tuple(name for name in BENCHMARKS if name != BY_CLASS)  # tests/pipeline/scoring/test_by_class.py compares the other

CASES, FAST = 2000, 60
# What we refuse and TrackEval reads: pattern of our message, and why.
WE_REFUSE = {
    r"width and height .* must be above 0": "such a box overlaps nothing; TrackEval counts it as missed or false",
    r"id \(column 2\) must be a whole number": "TrackEval cuts fractions off and mixes up negative ids",
    r"frame \(column 1\) must be a whole number": "TrackEval cuts fractions off",
    r"columns where the file's other lines have": "TrackEval minds only within a frame",
    r"columns; allowed are": "TrackEval reads more than ten columns",
    r"ground truth of frame \d+ has no identity": "TrackEval takes -1 for a person",
    r"knows 1 to 13": "TrackEval looks at classes only in frames with results",
    r"class \(column 8\) must be a whole number": "TrackEval cuts fractions off",
    r"a value is not finite": "TrackEval takes nan for a flag or score",
    r"coordinates of the world": "TrackEval cuts them off and takes them for classes",
    r"is in frame \d+ twice": "TrackEval stops before it looks where a file has other faults",
}
# What TrackEval refuses and we read: pattern of its message, and why.
IT_REFUSES = {
    r"not enough rows": "ground truth of seven columns; every box is a pedestrian",
    r"invalid gt classes": "columns that state no class (-1, or no class by their content) are read as pedestrians",
    r"only valid for pedestrian class": "the benchmark none compares boxes of any class; coordinates in column 8 are no class",
    r"same ID more than once": "unknown people (-1) that are not scored may be several in a frame",
    r"cannot be read because": "its guess of the separator fails, or quotes and semicolons",
    r"to float. Is data corrupted": "cells of different number within a frame, or quotes",
}


def truth_and_results(rng: random.Random) -> tuple[str, str]:
    """Text of both sides; about half of the cases have a fault somewhere."""
    frames, people = rng.randint(1, 8), rng.choice([0, 1, 2, 3, 3, 4, 5, 5])
    gt_tail = rng.choice([*["class"] * 8, *["class9", "class10"] * 2, "seven", "minus", "world"])
    tail = rng.choice([*["minus"] * 5, *["seven", "class", "zero", "nine"] * 2, "world"])
    odd = rng.choice([*[None] * 8, "flag", "flag", "class", "nameless", "twice", "size", "cell", "width", "frame", "result class"])
    truth, found = [], []
    for frame in range(1, frames + 1):
        for key in range(1, people + 1):
            box = [rng.randint(0, 60), rng.randint(0, 60), rng.randint(5, 40), rng.randint(5, 40)]
            if rng.random() < 0.8 or (frame, key) == (frames, 1):
                truth.append([frame, key, *box, *_truth_tail(rng, gt_tail, odd)])
            if rng.random() < 0.8:
                moved = [value + rng.choice([0, 0, 1, -1, 0.25]) for value in box]
                found.append([frame, key + 10 * (rng.random() < 0.15), *moved, *_tail(rng, tail, odd)])
        if rng.random() < 0.3:
            found.append([frame, 99, rng.randint(0, 60), rng.randint(0, 60), 20, 20, *_tail(rng, tail, odd)])
    if gt_tail == "minus":  # TrackEval looks at classes only in frames that have results too; without any it takes -1 for no person
        found.append([frames, 98, 70, 70, 9, 9, *_tail(rng, tail, odd)])
    _harm(rng, rng.choice([truth, found]), odd)
    return _text(rng, truth), _text(rng, found)


def _truth_tail(rng: random.Random, tail: str, odd: str | None) -> list[Any]:
    kind = rng.choice([1, 1, 1, 1, 2, 3, 6, 7, 8, 12, 13])
    if odd == "class":
        kind = rng.choice([1, 1, 14, 0])
    flag: Any = int(rng.random() < 0.9)
    if odd == "flag":
        flag = rng.choice([1, 0, 0.5, 0.99, -1, 2, -0.3, 1.7])
    seen = rng.choice([0.5, 0.25, 1])
    return [flag] + {
        "class": [kind, seen], "class9": [kind], "seven": [], "minus": [-1, -1, -1], "class10": [kind, seen, -1],
        "world": [rng.choice([1.5, -3.25, 7.5]), rng.choice([4.5, -8]), 0],
    }[tail]  # fmt: skip


def _tail(rng: random.Random, tail: str, odd: str | None) -> list[Any]:
    kind = rng.choice([1, 1, 3, 7]) if odd == "result class" else 1
    rest = {
        "minus": [-1, -1, -1],
        "seven": [],
        "class": [kind],
        "zero": [0, -1],
        "nine": [kind, -1],
        "world": [rng.choice([0.5, 2.5]), 3, 0],
    }
    return [rng.choice([0.9, 0.5, -1]), *rest[tail]]


def _harm(rng: random.Random, rows: list[list[Any]], odd: str | None) -> None:
    if not rows:
        return
    row = rng.choice(rows)
    if odd == "nameless":
        row[1] = -1
        rows.append([row[0], -1, 3, 3, 9, 9, *row[6:]])
    elif odd == "twice":
        rows.append([*row[:2], 1, 1, 8, 8, *row[6:]])
    elif odd == "size":
        row[rng.choice([4, 5])] = rng.choice([0, -5])
    elif odd == "cell":
        row[rng.randrange(len(row))] = rng.choice(["x", "", "nan", "1.5", "-2"])
    elif odd == "width":
        row.append(rng.choice([0, 1, -1]))
    elif odd == "frame":
        row[0] = rng.choice([0, 50, 2.5, -1])


def _text(rng: random.Random, rows: list[list[Any]]) -> str:
    rows = [[f"{cell:g}" if isinstance(cell, (int, float)) else cell for cell in row] for row in rows]
    if rng.random() < 0.3:
        rng.shuffle(rows)
    separator, end = rng.choice([",", ",", ",", ",", " ", ", ", "\t"]), rng.choice(["\n", "\n", "\n", ",\n"])
    return "".join(separator.join(row) + (end if "," in separator else "\n") for row in rows)


def theirs(folder: Path, length: int, benchmark: Benchmark) -> dict[str, float] | str:
    """TrackEval's figures, or what it says."""
    named = "MOT17" if benchmark in ("none", "DanceTrack") else benchmark
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
            return figures(
                trackeval_alone(folder / "gt", folder / "tracks", {"S": length}, folder, named, benchmark != "none")["COMBINED_SEQ"]
            )
    except Exception as error:  # it raises whatever comes
        return f"{type(error).__name__}: {error}"


def ours(folder: Path, benchmark: Benchmark) -> dict[str, float] | str:
    """Our figures, or what we say."""
    try:
        return score_text(folder / "gt", folder / "tracks", benchmark)[0].combined._asdict()
    except UserError as error:
        return str(error)


def compare(folder: Path, number: int) -> str:
    """What became of a case: equal, both, or the reason."""
    rng, benchmark = random.Random(number), RULES[number % len(RULES)]
    truth, found = truth_and_results(rng)
    (folder / "gt/S/gt").mkdir(parents=True)
    (folder / "tracks").mkdir()
    (folder / "gt/S/gt/gt.txt").write_text(truth)
    (folder / "tracks/S.txt").write_text(found)
    frames = [int(float(match)) for match in re.findall(r"(?m)^([0-9.]+)[, \t]", truth)]
    mine, other = ours(folder, benchmark), theirs(folder, max(frames, default=0), benchmark)
    if isinstance(mine, str) and isinstance(other, str):
        return "both"
    if isinstance(mine, str):
        return next((reason for pattern, reason in WE_REFUSE.items() if re.search(pattern, mine)), f"BAD: we: {mine}")
    if isinstance(other, str):
        return next((reason for pattern, reason in IT_REFUSES.items() if re.search(pattern, other)), f"BAD: it: {other}")
    unlike = {name: (mine[name], value) for name, value in other.items() if mine[name] != value}
    return f"BAD: {unlike}" if unlike else "equal"


def outcomes(tmp_path: Path, numbers: range) -> Counter[str]:
    """How often each became of the cases; nothing may be unlike or unlisted."""
    counts: Counter[str] = Counter()
    for number in numbers:
        folder = tmp_path / str(number)
        said = compare(folder, number)
        assert not said.startswith("BAD"), f"case {number} ({folder}): {said}"
        counts[said] += 1
        shutil.rmtree(folder)
    return counts


def test_some_cases_as_trackeval_scores_them(tmp_path: Path) -> None:
    counts = outcomes(tmp_path, range(FAST))
    assert counts["equal"] > FAST / 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_two_thousand_cases_as_trackeval_scores_them(tmp_path: Path, part: int) -> None:
    counts = outcomes(tmp_path, range(part * CASES // 8, (part + 1) * CASES // 8))
    assert counts["equal"] > CASES / 8 / 4
    assert counts["both"] > 0
