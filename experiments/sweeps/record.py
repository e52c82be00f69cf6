"""A sweep in MLflow: one parent run, one child per trial, continued after a kill; no run is left RUNNING by a process that is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.sweeps.plan import SETTLED, Plan, Trial
from pipeline.artifacts.publication import file_digest, read_manifest
from pipeline.artifacts.store import MANIFEST
from pipeline.registry import runs
from pipeline.registry.experiment import choose, client, condition
from pipeline.registry.runs import StageRun

PARENT = "mlflow.parentRunId"
SWEEP, FINGERPRINT = "throughline.sweep", "throughline.sweep.fingerprint"
NUMBER, VALUES, STOPPED, ERROR = (f"throughline.trial.{name}" for name in ("number", "values", "stopped", "error"))
BEST = "throughline.best"
MOST_RUNS = 10_000  # children that one query returns
NAME = 80  # characters of a run's name
DECISIVE = {"base", "model", "pack_samples", "pretrain", "finetune", "track", "evaluate"}  # sections that decide what trials find
ALL = 100  # step of final metrics: per cent of a trial's budget

Status = Literal["FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True)
class Child:
    """A trial's run as MLflow has it.

    Attributes:
        run_id: MLflow's id.
        number: number of the trial.
        values: values of the sweep's keys.
        status: RUNNING, FINISHED, FAILED or KILLED.
        stopped: whether the scheduler ended it.
        metrics: last value of each metric.
        error: message of what ended a failed trial; else empty.
    """

    run_id: str
    number: int
    values: Mapping[str, Any]
    status: str
    stopped: bool
    metrics: dict[str, float]
    error: str


@dataclass(frozen=True)
class Record:
    """The runs of one sweep; picklable, so that trials write their own.

    Attributes:
        parent: the sweep's run.
        experiment_id: MLflow's experiment of all of them.
        tags: what each child repeats: code, data, sweep.
    """

    parent: StageRun
    experiment_id: str
    tags: Mapping[str, str]

    def children(self, number: int | None = None) -> list[Child]:
        """The trials so far, by number; or only one of them."""
        query = {PARENT: self.parent.run_id} | ({NUMBER: str(number)} if number is not None else {})
        found = [_child(run) for run in _search(self.parent.tracking_uri, self.experiment_id, query)]
        return sorted(found, key=lambda child: child.number)

    def begin(self, trial: Trial) -> StageRun:
        """The trial's run, new or continued, RUNNING from now on."""
        store, known = client(self.parent.tracking_uri), self.children(trial.number)
        if known:
            run = StageRun(known[0].run_id, self.parent.tracking_uri)
            store.update_run(run.run_id, status="RUNNING")
            for tag in {ERROR, STOPPED} & set(store.get_run(run.run_id).data.tags):
                store.delete_tag(run.run_id, tag)
            for tag, value in self.tags.items():
                store.set_tag(run.run_id, tag, value)
            return run
        tags = {PARENT: self.parent.run_id, NUMBER: str(trial.number), VALUES: json.dumps(trial.configuration.values), **self.tags}
        tags |= {"throughline.trial.digest": trial.recipe.digest(), "mlflow.user": os.environ.get("USER", "unknown")}
        made = store.create_run(self.experiment_id, tags=tags, run_name=f"{trial.number}: {trial.configuration.label}"[:NAME])
        run = StageRun(made.info.run_id, self.parent.tracking_uri)
        run.params({**trial.configuration.values, **trial.configuration.changes, "seed": trial.seed})
        return run

    def finish(self, run: StageRun, metrics: dict[str, float], model: Path | None) -> None:
        """Close a trial that ran to its end, with a link to the weights that were tracked."""
        run.metrics(metrics, ALL)
        if model is not None:
            run.tag("throughline.model", str(model))
            for weights in sorted(model.glob("*.safetensors")):
                run.tag("throughline.model.digest", file_digest(weights))
        self.close(run.run_id, "FINISHED")

    def close(self, run_id: str, status: Status, **tags: str) -> None:
        """End a run, with tags of trials by their short names (`error`, `stopped`)."""
        store = client(self.parent.tracking_uri)
        for name, value in tags.items():
            store.set_tag(run_id, f"throughline.trial.{name}", value[:5000])
        store.set_terminated(run_id, status)

    def settle(self) -> None:
        """Close every child that still runs as KILLED: whoever ran it is gone, or about to go."""
        for child in self.children():
            if child.status == "RUNNING":
                self.close(child.run_id, "KILLED")

    def tag_best(self, number: int, metric: str, value: float) -> None:
        """Mark the best trial, on its run and on the parent."""
        store = client(self.parent.tracking_uri)
        for run in _search(self.parent.tracking_uri, self.experiment_id, {PARENT: self.parent.run_id, BEST: "true"}):
            store.delete_tag(run.info.run_id, BEST)
        for child in self.children(number):
            store.set_tag(child.run_id, BEST, "true")
            self.parent.tag("throughline.best.run", child.run_id)
        self.parent.tag("throughline.best.trial", str(number))
        self.parent.tag(f"throughline.best.{metric}", f"{value:.6g}")


@contextmanager
def opened(plan: Plan, root: Path) -> Iterator[Record]:
    """Open the sweep's run: the one that the same sweep left, or a new one. On leaving, nothing of it is RUNNING.

    Runs that a killed driver of this sweep left behind here are closed.
    """
    settings, name = plan.params.mlflow, plan.name
    tags = {SWEEP: name, **runs.place(root)}
    known = _left_behind(choose(settings, root, plan.params.base.store), settings.experiment, tags, plan.fingerprint(root))
    tags |= {FINGERPRINT: plan.fingerprint(root), "mlflow.note.content": plan.definition.description}
    with runs.started(settings, root, stage="sweep", tags=tags, run_id=known, store=plan.params.base.store) as run:
        run.tag("mlflow.runName", f"sweep {name}")
        found = client(run.tracking_uri).get_run(run.run_id)
        if not known:
            run.params({"sweep": name, "metric": plan.metric, **plan.definition.model_dump(exclude_none=True, exclude={"description"})})
            run.params(plan.params.model_dump(include=DECISIVE))
        shared = {key: value for key, value in found.data.tags.items() if key.startswith("throughline.git_")} | {SWEEP: name}
        record = Record(run, found.info.experiment_id, shared | _inputs(run, root))
        record.settle()
        try:
            yield record
        finally:
            record.settle()


def _inputs(run: StageRun, root: Path) -> dict[str, str]:
    """Record the data on the parent, and return the tags that say the same on each child."""
    tags = {}
    for folder in SETTLED:
        if (root / folder / MANIFEST).is_file():
            manifest = read_manifest(root / folder)
            run.input(manifest, Path(folder).name)
            tags[f"throughline.input.{Path(folder).name}"] = manifest.digest
    return tags


def _left_behind(uri: str, within: str, tags: Mapping[str, str], fingerprint: str) -> str | None:
    """Close what earlier drivers of this sweep left RUNNING here, and find the run that is to be continued."""
    store = client(uri)
    experiment_id, continued = store.get_experiment_by_name(within).experiment_id, None
    for parent in _search(uri, experiment_id, tags):
        run_id = parent.info.run_id
        if parent.data.tags[FINGERPRINT] == fingerprint:
            continued = continued or run_id
        if parent.info.status == "RUNNING":
            Record(StageRun(run_id, uri), experiment_id, {}).settle()
            store.set_terminated(run_id, "KILLED")
    return continued


def _search(uri: str, experiment_id: str, tags: Mapping[str, str]) -> list[Any]:
    """Runs with these tags, the newest first."""
    query = " and ".join(f"tags.`{key}` {condition(value)}" for key, value in tags.items())
    found = client(uri).search_runs([experiment_id], query, max_results=MOST_RUNS, order_by=["attributes.start_time DESC"])
    return [run for run in found if all(run.data.tags.get(key) == value for key, value in tags.items())]


def _child(run: Any) -> Child:
    tags = run.data.tags
    return Child(
        run_id=run.info.run_id,
        number=int(tags[NUMBER]),
        values=json.loads(tags[VALUES]),
        status=run.info.status,
        stopped=STOPPED in tags,
        metrics=dict(run.data.metrics),
        error=tags.get(ERROR, ""),
    )
