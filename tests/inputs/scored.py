"""Two people over four frames as MOTChallenge text, and what scoring says of such files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.scoring.rules import Benchmark
from pipeline.scoring.tracking import TrackingMetrics, score_text

FRAMES = (1, 2, 3, 4)


def lines(ids: Sequence[object], tails: Sequence[str], frames: Sequence[object] = FRAMES, separator: str = ",") -> str:
    """A line for each person of each frame: person k at left 12 + 60 k + 2 i of the i-th frame, 20x40; `tails` follow the boxes."""
    found = []
    for place, frame in enumerate(frames, 1):
        for k, (key, tail) in enumerate(zip(ids, tails, strict=True), 1):
            found.append(separator.join([str(frame), str(key), str(12 + 60 * k + 2 * place), "30", "20", "40", *tail.split(",")]))
    return "\n".join(found) + "\n"


def scored(tmp_path: Path, truth: str, results: str, benchmark: Benchmark = "MOT17") -> tuple[TrackingMetrics, list[str]]:
    """Scores and remarks of one sequence of text."""
    for path, text in ((tmp_path / "gt/S/gt/gt.txt", truth), (tmp_path / "results/S.txt", results)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found, remarks = score_text(tmp_path / "gt", tmp_path / "results", benchmark)
    return found.combined, remarks
