"""`throughline evaluate`: anyone's results against anyone's ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from pipeline.scoring.rules import Benchmark
    from pipeline.scoring.tracking import TrackingScores


TASKS = ("mot", "mots", "vos", "sot", "pose", "vis")  # the first one's are boxes; of the others see `pipeline.scoring.formats`


def benchmarks() -> list[str]:
    """Whose rules there are, for completion."""
    from pipeline.scoring.rules import BENCHMARKS

    return list(BENCHMARKS)


def evaluate(
    gt: Annotated[Path, typer.Option(help="Ground truth: GT/<sequence>/gt/gt.txt, or one sequence's folder.")],
    tracks: Annotated[Path, typer.Option("--tracks", "--results", help="Results: TRACKS/<sequence>.txt.")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and per_sequence.csv.")],
    benchmark: Annotated[
        str | None,
        typer.Option(help="Whose rules, of boxes: MOT15, MOT16, MOT17, MOT20, DanceTrack, none or classes.", autocompletion=benchmarks),
    ] = None,
    classes: Annotated[str, typer.Option(help="What the benchmark `classes` scores, such as pedestrian,cyclist.")] = "pedestrian",
    task: Annotated[
        str,
        typer.Option(
            help="mot: boxes, MOTChallenge's text; mots: masks, MOTSChallenge's text; vos: DAVIS' indexed images, a folder per video; "
            "sot: OTB's text; pose: PoseTrack 2018's JSON; vis: YouTube-VIS' JSON files.",
            autocompletion=lambda: list(TASKS),
        ),
    ] = "mot",
) -> None:
    """Score results of your own against ground truth.

    Both are files in the layout of the task's benchmark; it needs no parameters, no images and no run of the pipeline.
    """
    from pipeline.errors import UserError
    from pipeline.params.classes import TRACKABLE

    if task not in TASKS:
        raise UserError(f"--task {task}: no such task; there are {', '.join(TASKS)}")
    if task != "mot":
        if benchmark is not None:
            raise UserError(f"--benchmark {benchmark}: rules of boxes; --task {task} has one set of rules\nnext: leave --benchmark out")
        score_task(gt, tracks, task, out)
        return
    if benchmark is None:
        raise UserError(f"--benchmark is needed for boxes; there are {', '.join(benchmarks())}")
    if benchmark not in benchmarks():
        raise UserError(f"--benchmark {benchmark}: no such rules; there are {', '.join(benchmarks())}")
    names = [name.strip() for name in classes.split(",")]
    if unknown := [name for name in names if name not in TRACKABLE]:
        raise UserError(f"--classes: no such class: {', '.join(unknown)}; there are {', '.join(TRACKABLE)}")
    score_files(gt, tracks, cast("Benchmark", benchmark), out, names)


def score_files(truth: Path, tracks: Path, benchmark: Benchmark, out: Path, classes: Sequence[str] = ("pedestrian",)) -> TrackingScores:
    """Score text files against text files, print a table, write metrics.json and per_sequence.csv.

    Args:
        truth: <truth>/<sequence>/gt/gt.txt, or one sequence's folder.
        tracks: folder with <sequence>.txt.
        benchmark: whose rules.
        out: folder to make or fill.
        classes: names of what is tracked, for the benchmark of that name.

    Raises:
        UserError: see `score_text`.
    """
    import sys

    from pipeline.scoring import tables
    from pipeline.scoring.tracking import score_text

    scores, remarks = score_text(truth, tracks, benchmark, classes)
    out.mkdir(parents=True, exist_ok=True)
    tables.write_metrics(out / tables.METRICS, tables.document(scores, benchmark))
    tables.write_per_sequence(out / tables.PER_SEQUENCE, scores)
    tables.print_table(scores, f"{tracks} by the rules of {benchmark}")
    for remark in remarks:
        print(f"note: {remark}", file=sys.stderr)
    return scores


def score_task(truth: Path, results: Path, task: str, out: Path) -> None:
    """Score the files of a task other than boxes, print a table, write metrics.json and per_sequence.csv.

    Args:
        truth: see the module of the task in `pipeline.scoring.formats`.
        results: the same.
        task: one of `TASKS` but the first.
        out: folder to make or fill.

    Raises:
        UserError: nothing is there, or a file cannot be used.
    """
    import sys

    from pipeline.errors import UserError
    from pipeline.scoring.formats import SCORERS, scored

    for path in (truth, results):
        if not path.exists():
            raise UserError(f"{path}: no such file or folder\nnext: check the path")
    found = SCORERS[task](truth, results)
    scored.write(found, task, out)
    scored.show(found, f"{results}: {task}")
    for remark in found.remarks:
        print(f"note: {remark}", file=sys.stderr)
