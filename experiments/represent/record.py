"""A run of `throughline represent` in MLflow: a parent, one child for each start of a representation, and tags of registered versions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.params.sections import Params

if TYPE_CHECKING:
    from experiments.represent.jobs import Job
    from experiments.represent.run import Result
    from pipeline.registry.runs import StageRun

STAGE, PARENT = "represent", "mlflow.parentRunId"
TAG = "throughline.represent."  # of a version; a task's name follows
FORBIDDEN = re.compile(r"[^\w\-./ :]")  # in names of metrics


@dataclass(frozen=True)
class Recorded:
    """The parent run."""

    run: StageRun

    def add(self, job: Job, results: Sequence[Result]) -> None:
        """Add a child run with all scores of a start, and tag the registered version.

        The child is ended at once, so that a command that is killed leaves none open.
        """
        from pipeline.registry.experiment import client
        from pipeline.registry.runs import StageRun

        store = client(self.run.tracking_uri)
        experiment = store.get_run(self.run.run_id).info.experiment_id
        tags = {PARENT: self.run.run_id, "throughline.weights": results[0].weights} if results else {PARENT: self.run.run_id}
        made = store.create_run(experiment, tags=tags, run_name=f"{job.name}, start {job.start}")
        child = StageRun(made.info.run_id, self.run.tracking_uri)
        child.params({"representation": job.name, "start": job.start, **job.entry.model_dump(exclude_none=True)})
        child.metrics(flat(results))
        store.set_terminated(child.run_id, "FINISHED")
        for result in results:
            if result.registered is not None:
                _tag(result, child)


@contextmanager
def opened(params: Params, root: Path, fingerprint: str) -> Iterator[Recorded]:
    """The parent run of a command, FINISHED at the end; those of killed commands are closed."""
    from pipeline.registry.runs import started

    tags = {"throughline.fingerprint": fingerprint}
    with started(params.mlflow, root, stage=STAGE, tags=tags, store=params.base.store) as run:
        yield Recorded(run)


def flat(results: Sequence[Result]) -> dict[str, float]:
    """Scores by `task/row/metric`, in names that MLflow accepts; NaN is left out."""
    every = {
        f"{result.task}/{row}/{name}": value
        for result in results
        for row, metrics in result.scores.items()
        for name, value in metrics.items()
    }
    return {FORBIDDEN.sub("_", name): value for name, value in every.items() if value == value}


def _tag(result: Result, child: StageRun) -> None:
    from pipeline.registry.registry import connected, show

    assert result.registered is not None
    version = show(result.registered, child.tracking_uri)
    said = json.dumps({"scores": result.scores, "data": result.data, "key": result.key, "run": child.run_id}, sort_keys=True)
    with connected(child.tracking_uri) as store:
        store.set_model_version_tag(version.name, version.version, TAG + result.task, said)
