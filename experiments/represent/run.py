"""Judges representations one after another, keeps the scores of each in each task, and shows them as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

from experiments.represent import (
    drawn,
    followed_boxes,
    followed_masks,
    followed_poses,
    joined_instances,
    joined_masks,
    joined_poses,
    true_boxes,
)
from experiments.represent import shown as shown_
from experiments.represent.representations import Entry, load
from experiments.represent.shown import Scores, Shown
from models.unitrack.network import Representation
from pipeline.artifacts import code
from pipeline.artifacts.manifest import checked, checked_text, read_manifest
from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import follow, write_text
from pipeline.errors import UserError
from pipeline.files.frames import frame_extras, frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.tracking.plan import frame_file

FOLDER, HERE = "artifacts/represent", "experiments/represent"


class Task(NamedTuple):
    """A way of judging.

    Attributes:
        module: that judges, by watching maps of whole frames together with other tasks, or alone by its own `judge`.
        data: what it is judged on.
        columns: the metrics that are shown, the one that ranks first.
        needs: extra columns of frame files.
    """

    module: shown_.Task | Callable[[list[Shown], Representation, int], Scores]
    data: Literal["frames", "scenes", "close-ups"]
    file: str
    columns: tuple[str, ...]
    needs: tuple[str, ...] = ()


TASKS = {
    "sot": Task(followed_boxes.judge, "frames", f"{HERE}/followed_boxes.py", ("AUC", "precision", "people")),
    "vos": Task(followed_masks, "close-ups", f"{HERE}/followed_masks.py", ("J", "F", "J&F", "J recall", "objects"), ("masks",)),
    "mot": Task(true_boxes, "frames", f"{HERE}/true_boxes.py", ("IDF1", "AssA", "HOTA", "IDSW")),
    "mots": Task(joined_masks, "scenes", f"{HERE}/joined_masks.py", ("IDF1", "HOTA", "sMOTSA", "MOTSA", "IDSW"), ("masks", "public_masks")),
    "pose": Task(joined_poses, "scenes", f"{HERE}/joined_poses.py", ("IDF1", "MOTA", "IDSW"), ("keypoints", "public_keypoints")),
    "propagation": Task(followed_poses, "close-ups", f"{HERE}/followed_poses.py", ("PCK@0.1", "PCK@0.2", "people"), ("keypoints",)),
    "vis": Task(joined_instances, "scenes", f"{HERE}/joined_instances.py", ("AP", "AP50", "AP75", "classes"), ("masks",)),
}


class Data(NamedTuple):
    """Sequences, and what their content depends on."""

    sequences: list[Shown]
    key: str


def represent(
    entries: Mapping[str, Entry], tasks: Sequence[str], params: Params, root: Path, limit: int | None = None, *, own: bool = False
) -> dict[str, dict[str, Scores]]:
    """Scores by task, representation and row; what was judged before on the same data, by the same code, is not judged again.

    Args:
        entries: by name.
        tasks: of `TASKS`.
        params: whose held-out frames and seed.
        root: the repository.
        limit: of sequences; None: all that have ground truth.
        own: whether tasks of masks and joints look at the held-out frames too, instead of at drawn sequences.

    Raises:
        UserError: there is no such task, no data with ground truth or with the masks or joints of a task, or an entry cannot be loaded.
    """
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        raise UserError(f"--tasks: no task {', '.join(unknown)}; there are: {', '.join(TASKS)}\nnext: name one of them")
    kinds = {task: "frames" if own else TASKS[task].data for task in tasks}
    data = {kind: _data(kind, params, root, limit) for kind in dict.fromkeys(kinds.values())}
    for task in tasks:
        _check(task, data[kinds[task]])
    found: dict[str, dict[str, Scores]] = {task: {} for task in tasks}
    for name, entry in entries.items():
        network = cache(partial(load, entry, root, params.base.seed))  # where something is to be judged
        for kind, there in data.items():
            chosen = [task for task in tasks if kinds[task] == kind]
            for task, scores in _judged(name, entry, chosen, there, params, root, network).items():
                found[task][name] = scores
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


def _judged(
    name: str, entry: Entry, tasks: Sequence[str], data: Data, params: Params, root: Path, network: Callable[[], Representation]
) -> dict[str, Scores]:
    """The scores of an entry in the tasks on some data: kept ones, and those that are judged now."""
    paths = {task: root / FOLDER / name / f"{task}.json" for task in tasks}
    keys = {task: _key(entry, TASKS[task], params, root, data) for task in tasks}
    kept = {task: checked(path) or {} for task, path in paths.items()}
    found = {task: kept[task]["scores"] for task in tasks if kept[task].get("key") == keys[task]}
    todo = [task for task in tasks if task not in found]
    together = [task for task in todo if not callable(TASKS[task].module)]
    for group in ([together] if together else []) + [[task] for task in todo if task not in together]:
        for task, scores in zip(group, _scores(group, data, network(), params.base.seed), strict=True):
            found[task] = scores
            paths[task].parent.mkdir(parents=True, exist_ok=True)
            write_text(paths[task], checked_text({"key": keys[task], "scores": scores}))
    return found


def _scores(tasks: Sequence[str], data: Data, network: Representation, seed: int) -> list[Scores]:
    modules = [TASKS[task].module for task in tasks]
    watching = [module for module in modules if not callable(module)]
    if watching:
        return shown_.judge(watching, data.sequences, network, seed)
    return [module(data.sequences, network, seed) for module in modules if callable(module)]


def _data(kind: str, params: Params, root: Path, limit: int | None) -> Data:
    if kind == "frames":
        return _held_out(params, root, limit)
    draw = drawn.scenes if kind == "scenes" else drawn.closes
    return Data(draw(root, params.base.seed, limit), drawn.key(params.base.seed))


def _held_out(params: Params, root: Path, limit: int | None) -> Data:
    folder = follow(root / "data" / "frames")
    selected = spans(read_split(follow(root / "data" / "samples")), params.track.frames)
    files = [(frame_file(folder, name), span) for name, span in sorted(selected.items())]
    shown = [Shown(path, span) for path, span in files if frame_facts(path)["ground_truth"]]
    if not shown:
        raise UserError(f"represent: no sequence with ground truth among the {params.track.frames} frames\nnext: set track.frames")
    return Data(shown[:limit], read_manifest(root / "data" / "frames").digest)


def _check(task: str, data: Data) -> None:
    """Before any work: whether the sequences have the columns that a task reads."""
    for item in data.sequences:
        there = frame_extras(item.frames) if TASKS[task].needs else None
        lacking = [name for name in TASKS[task].needs if not getattr(there, name)]
        if lacking:
            raise UserError(
                f"{item.frames}: has no {' and no '.join(lacking)}, which the task {task} reads\n"
                "next: leave --own out, which judges it on drawn sequences, or extract data that has them"
            )


def _key(entry: Entry, task: Task, params: Params, root: Path, data: Data) -> str:
    """Names what an entry's scores depend on."""
    weights = entry.weights_file(root)
    given = file_digest(weights) if weights is not None and weights.is_file() else entry.weights
    ranges = [(item.frames.name, item.span) for item in data.sequences]
    files = (f"{HERE}/representations.py", task.file)
    network = entry.model_dump(exclude={"facts", "weights"})
    return digest(network, given, params.base.seed, data.key, ranges, code.digest(files, code.ROOT))
