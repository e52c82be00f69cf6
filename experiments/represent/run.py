"""Judges representations: what is missing is judged on Ray, everything is kept, and what was judged before is not judged again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from experiments.represent import record
from experiments.represent.data import Data, check, gather
from experiments.represent.hub import snapshot
from experiments.represent.jobs import Job, on_ray
from experiments.represent.parts import Part
from experiments.represent.representations import HERE, Entry, identity, load
from experiments.represent.shown import Scores
from experiments.represent.tasks import TASKS, Kind
from pipeline.artifacts import code
from pipeline.artifacts.manifest import checked, checked_text
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.registry.address import tracking_uri
from pipeline.registry.model_source import local_model

FOLDER = "artifacts/represent"
SHARED = (f"{HERE}/representations.py", f"{HERE}/shown.py")
Spread = Callable[[Sequence[Job]], None]


class Wanted(NamedTuple):
    """What is asked for.

    Attributes:
        entries: representations, by name.
        tasks: keys of `TASKS`.
        limit: largest number of sequences; None: all.
        own: whether tasks of masks and joints are judged on the held-out frames, too, instead of on drawn sequences.
    """

    entries: Mapping[str, Entry]
    tasks: Sequence[str]
    limit: int | None = None
    own: bool = False


@dataclass(frozen=True)
class Result:
    """The scores of one start of a representation in one task.

    Attributes:
        name: of the representation.
        start: seed of its random weights; of other weights, base.seed.
        task: key of `TASKS`.
        data: what it was judged on, in words.
        contents: digest of these sequences.
        sequences: number of these sequences.
        scores: by row and metric.
        weights: digest of the representation.
        code: digest of what judged it.
        key: digest of weights, code and data.
        registered: address of the model or the weights in the registry; None where they lie elsewhere.
    """

    name: str
    start: int
    task: str
    data: str
    contents: str
    sequences: int
    scores: Scores
    weights: str
    code: str
    key: str
    registered: str | None = None


class _Planned(NamedTuple):
    job: Job
    results: list[Result]  # still without scores


def represent(wanted: Wanted, params: Params, root: Path, spread: Spread | None = None) -> list[Result]:
    """Scores of each start of each representation in each task, in that order.

    Args:
        wanted: which representations and tasks.
        params: state the frames that are held out, the seed, the cluster and the MLflow server.
        root: the repository.
        spread: does the jobs; None: on Ray.

    Raises:
        UserError: there is no such task, no data with ground truth or with the masks or joints of a task, or an entry cannot be loaded.
    """
    planned = plan(wanted, params, root)
    kept = [[_kept(root, result) for result in item.results] for item in planned]
    if all(scores is not None for row in kept for scores in row):
        return [replace(result, scores=scores) for item, row in zip(planned, kept, strict=True) for result, scores in _pairs(item, row)]
    jobs = [item.job for item in planned if item.job.missing]
    for job in jobs:  # before any work
        load(job.entry, root, job.start)
    with ExitStack() as stack:
        run = stack.enter_context(record.opened(params, root, digest([result.key for item in planned for result in item.results])))
        (spread or partial(on_ray, cluster=params.cluster))(jobs)
        found = []
        for item in planned:
            results = [replace(result, scores=_summarised(result, item.job)) for result in item.results]
            run.add(item.job, results)
            for result in results:  # last, since it says that all was done
                write_text(_path(root, result), checked_text({"key": result.key, "scores": result.scores}))
            found += results
    return found


def plan(wanted: Wanted, params: Params, root: Path) -> list[_Planned]:
    """The jobs of all representations, and their results still without scores; draws the sequences that are drawn here.

    Raises:
        UserError: as `represent`.
    """
    unknown = [task for task in wanted.tasks if task not in TASKS]
    if unknown:
        raise UserError(f"--tasks: no task {', '.join(unknown)}; there are: {', '.join(TASKS)}\nnext: name one of them")
    kinds: dict[str, Kind] = {task: "frames" if wanted.own else TASKS[task].data for task in wanted.tasks}
    data = {kind: gather(kind, params, root, wanted.limit) for kind in dict.fromkeys(kinds.values())}
    for task, kind in kinds.items():
        check(task, TASKS[task], data[kind])
    codes = {task: code.digest((*SHARED, TASKS[task].file), code.ROOT) for task in wanted.tasks}
    found = []
    for name, entry in wanted.entries.items():
        there = _fetched(entry, params, root)
        for start in range(params.base.seed, params.base.seed + entry.starts):
            weights, results, parts = identity(there, root, start), list[Result](), list[Part]()
            for task, kind in kinds.items():
                mine = _parts(root, (name, start, task), digest(weights, codes[task], params.base.seed), data[kind])
                facts = weights, codes[task], digest([part.key for part in mine]), entry.registered
                results.append(Result(name, start, task, data[kind].name, data[kind].digest, len(mine), {}, *facts))
                parts += mine
            found.append(_Planned(Job(name, there, start, params.base.seed, root, tuple(parts)), results))
    return found


def _fetched(entry: Entry, params: Params, root: Path) -> Entry:
    """The entry with its model, or its weights, on this disk."""
    if entry.on_hub is not None:
        return entry.located(snapshot(entry.on_hub))
    if entry.registered is None:
        return entry
    uri, key = tracking_uri(params.mlflow.tracking_uri, root), "weights" if entry.model is None else "model.folder"
    return entry.located(local_model(entry.registered, uri, key, root / ".throughline" / "models"))


def _parts(root: Path, of: tuple[str, int, str], key: str, data: Data) -> list[Part]:
    folder = root.joinpath(FOLDER, "parts", *map(str, of))
    return [Part(folder / f"{item.name}.part", digest(key, item.key, item.shown.span), of[2], item.shown) for item in data.items]


def _summarised(result: Result, job: Job) -> Scores:
    found = [part.result() for part in job.parts if part.task == result.task]
    scores: Scores = TASKS[result.task].module.summarise(found)
    return {row: {name: float(value) for name, value in metrics.items()} for row, metrics in scores.items()}


def _kept(root: Path, result: Result) -> Scores | None:
    there = checked(_path(root, result)) or {}
    scores: Scores | None = there.get("scores") if there.get("key") == result.key else None
    return scores


def _pairs(item: _Planned, kept: Sequence[Scores | None]) -> list[tuple[Result, Scores]]:
    return [(result, scores) for result, scores in zip(item.results, kept, strict=True) if scores is not None]


def _path(root: Path, result: Result) -> Path:
    return root / FOLDER / "scores" / result.name / str(result.start) / f"{result.task}.json"
