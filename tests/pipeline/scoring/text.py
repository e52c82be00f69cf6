"""Ground truth and result folders for tests, and TrackEval called on files by itself, as a second opinion."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import trackeval

Lines = list[list[float]]


def write_truth(root: Path, sequence: str, lines: Lines, seq_length: int | None = None) -> None:
    """<root>/<sequence>/gt/gt.txt, and seqinfo.ini where a length is given."""
    folder = root / sequence
    write_lines(folder / "gt" / "gt.txt", lines)
    if seq_length is not None:
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nname={sequence}\nseqLength={seq_length}\n")


def write_lines(path: Path, lines: Lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(f"{value:g}" for value in line) + "\n" for line in lines))


def perturbed(source: Path, target: Path, seed: int, keep: Callable[[list[str]], bool] = lambda cells: cells[6] != "0") -> None:
    """Results made of ground truth: boxes jitter, some are missing, identities change now and then, some are invented."""
    random = np.random.default_rng(seed)
    lines = []
    for line in source.read_text().splitlines():
        cells = line.split(",")
        if not keep(cells) or random.random() < 0.15:
            continue
        box = np.array(cells[2:6], float) + random.normal(0, 4, 4)
        identity = int(cells[1]) + (1000 if random.random() < 0.02 else 0)
        lines.append([int(cells[0]), identity, *box.round(2), 1])
        if random.random() < 0.05:
            lines.append([int(cells[0]), 5000 + len(lines), *(box + 300).round(2), 1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        "".join(",".join(f"{value:.12g}" for value in [*line[:4], *np.maximum(line[4:6], 1), line[6], -1, -1, -1]) + "\n" for line in lines)
    )


def trackeval_alone(
    truth: Path, tracks: Path, lengths: Mapping[str, int], scratch: Path, benchmark: str = "MOT17", preprocess: bool = True
) -> dict[str, Any]:
    """TrackEval's own reading and scoring of the very files; its result by sequence and COMBINED_SEQ."""
    shutil.copytree(tracks, scratch / "results" / "mine" / "data")
    dataset = {
        "GT_FOLDER": str(truth),
        "TRACKERS_FOLDER": str(scratch / "results"),
        "SEQ_INFO": dict(lengths),
        "SKIP_SPLIT_FOL": True,
        "BENCHMARK": benchmark,
        "DO_PREPROC": preprocess,
        "PRINT_CONFIG": False,
    }
    settings = dict.fromkeys(("PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES"), False)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = trackeval.Evaluator({**settings, "LOG_ON_ERROR": None, "BREAK_ON_ERROR": True})
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]
        found, _ = evaluator.evaluate([trackeval.datasets.MotChallenge2DBox(dataset)], metrics)
    return {name: scores["pedestrian"] for name, scores in found["MotChallenge2DBox"]["mine"].items()}


def figures(found: Mapping[str, Any]) -> dict[str, float]:
    """TrackEval's own figures under our names."""
    hota, clear, identity = found["HOTA"], found["CLEAR"], found["Identity"]
    return {
        **{name: 100 * hota[name].mean() for name in ("HOTA", "DetA", "AssA", "LocA")},
        **{name: 100 * clear[name] for name in ("MOTA", "MOTP")},
        **{name: 100 * identity[name] for name in ("IDF1", "IDP", "IDR")},
        **{name: clear[name] for name in ("IDSW", "MT", "ML", "Frag")},
        "FP": clear["CLR_FP"],
        "FN": clear["CLR_FN"],
        "truth_boxes": found["Count"]["GT_Dets"],
        "result_boxes": found["Count"]["Dets"],
    }
