"""Judges representations one after another, keeps the scores of each in each task, and shows them as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.represent import followed_boxes, true_boxes
from experiments.represent.representations import Entry, load
from experiments.represent.true_boxes import Shown
from models.unitrack.network import Representation
from pipeline.artifacts import code
from pipeline.artifacts.manifest import checked, checked_text, read_manifest
from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import follow, write_text
from pipeline.errors import UserError
from pipeline.files.frames import frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.tracking.plan import frame_file

FOLDER = "artifacts/represent"
Scores = Mapping[str, Mapping[str, float]]  # by row and metric


class Task(NamedTuple):
    """A way of judging: sequences, network, seed -> scores by row; the file whose code decides them; the metrics that are shown."""

    judge: Callable[[list[Shown], Representation, int], Scores]
    file: str
    columns: tuple[str, ...]


TASKS = {
    "mot": Task(true_boxes.judge, "experiments/represent/true_boxes.py", ("IDF1", "AssA", "HOTA", "IDSW")),
    "sot": Task(followed_boxes.judge, "experiments/represent/followed_boxes.py", ("AUC", "precision", "people")),
}


def represent(
    entries: Mapping[str, Entry], tasks: Sequence[str], params: Params, root: Path, limit: int | None = None
) -> dict[str, dict[str, Scores]]:
    """Scores by task, representation and row; what was judged before on the same data, by the same code, is not judged again.

    Args:
        entries: by name.
        tasks: of `TASKS`.
        params: whose held-out frames and seed.
        root: the repository.
        limit: of sequences; None: all that have ground truth.

    Raises:
        UserError: there is no such task, no data with ground truth, or an entry cannot be loaded.
    """
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise UserError(f"--tasks: no task {', '.join(unknown)}; there are: {', '.join(TASKS)}\nnext: name one of them")
    shown, found = _shown(params, root)[:limit], {task: dict[str, Scores]() for task in tasks}
    for name, entry in entries.items():
        network: Representation | None = None
        for task in tasks:
            path, key = root / FOLDER / name / f"{task}.json", _key(entry, TASKS[task], params, root, shown)
            kept = checked(path) or {}
            if kept.get("key") != key:
                network = network or load(entry, root, params.base.seed)
                kept = {"key": key, "scores": TASKS[task].judge(shown, network, params.base.seed)}
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, checked_text(kept))
            found[task][name] = kept["scores"]
    return found


def table(task: str, found: Mapping[str, Scores]) -> str:
    """The scores of a task in Markdown, one row for each representation and way to track."""
    columns = TASKS[task].columns
    lines = [f"| {task}: representation | by | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for name, rows in found.items():
        for row, metrics in rows.items():
            cells = [f"{metrics[column]:.1f}" if isinstance(metrics[column], float) else str(metrics[column]) for column in columns]
            lines.append(f"| {name} | {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(params: Params, root: Path) -> list[Shown]:
    folder = follow(root / "data" / "frames")
    selected = spans(read_split(follow(root / "data" / "samples")), params.track.frames)
    files = [(frame_file(folder, name), span) for name, span in sorted(selected.items())]
    shown = [Shown(path, span) for path, span in files if frame_facts(path)["ground_truth"]]
    if not shown:
        raise UserError(f"represent: no sequence with ground truth among the {params.track.frames} frames\nnext: set track.frames")
    return shown


def _key(entry: Entry, task: Task, params: Params, root: Path, shown: list[Shown]) -> str:
    """Names what an entry's scores depend on."""
    weights = entry.weights_file(root)
    given = file_digest(weights) if weights is not None and weights.is_file() else entry.weights
    ranges = [(item.frames.name, item.span) for item in shown]
    data, files = read_manifest(root / "data" / "frames").digest, ("experiments/represent/representations.py", task.file)
    network = entry.model_dump(exclude={"facts", "weights"})
    return digest(network, given, params.base.seed, data, ranges, code.digest(files, code.ROOT))
