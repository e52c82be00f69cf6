"""MLflow runs: one a stage, with parameters, metrics over time, data set inputs, upstream runs and the state of the code."""

from __future__ import annotations

import functools
import json
import logging
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import Manifest
from pipeline.artifacts.store import HERE, Place, folder_of, local
from pipeline.params.sections.common import Mlflow
from pipeline.runtime.imports import collecting_nothing

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
PARAMS_A_CALL = 100
PLACE, PROCESS = "throughline.place", "throughline.process"  # tags: machine and repository, and number of the process there


@dataclass(frozen=True)
class StageRun:
    """The MLflow run of one stage.

    Attributes:
        run_id: MLflow's id.
        tracking_uri: absolute, usable from any process and folder.
        prefix: what goes before the names of metrics, where several trainings share a run.
    """

    run_id: str
    tracking_uri: str
    prefix: str = ""

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        """Log numbers, all at one step."""
        worker_log(self.tracking_uri, self.run_id, {self.prefix + name: value for name, value in values.items()}, step)

    def params(self, values: dict[str, Any]) -> None:
        """Log a nested mapping as dotted parameters."""
        from mlflow.entities import Param

        flat = [Param(key, str(value)[:6000]) for key, value in _flatten(values)]
        for start in range(0, len(flat), PARAMS_A_CALL):
            client(self.tracking_uri).log_batch(self.run_id, params=flat[start : start + PARAMS_A_CALL])

    def artifact(self, path: Place, folder: str | None = None) -> None:
        """Attach a file."""
        with local(path) as copy:
            client(self.tracking_uri).log_artifact(self.run_id, str(copy), folder)

    def tag(self, key: str, value: str) -> None:
        """Set a tag."""
        client(self.tracking_uri).set_tag(self.run_id, key, value)

    def output(self, manifest: Manifest) -> None:
        """Record a published folder; `input` of a later stage finds this run by the manifest's digest."""
        self.tag(_output_tag(manifest), manifest.stage)

    def input(self, manifest: Manifest, name: str) -> None:
        """Record a published folder that this stage reads, as a data set input, and the run that wrote it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        source = json.dumps({"stage": manifest.stage, "digest": manifest.digest})
        dataset = Dataset(name=name, digest=manifest.digest[:36], source_type="throughline", source=source)
        tags = [InputTag("mlflow.data.context", "input")]
        client(self.tracking_uri).log_inputs(self.run_id, [DatasetInput(dataset, tags)])
        self.tag(f"throughline.input.{name}", manifest.digest)
        upstream = find_writer(self.tracking_uri, manifest)
        if upstream is not None:
            self.tag(f"throughline.upstream.{name}", upstream)


def worker_log(tracking_uri: str, run_id: str, values: dict[str, float], step: int | None = None) -> None:
    """Log numbers to a run from any process, all at one step."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(key, float(value), now, step or 0) for key, value in values.items()]
    client(tracking_uri).log_batch(run_id, metrics=metrics)


def find_writer(tracking_uri: str, manifest: Manifest) -> str | None:
    """Run id of the newest run that published this content, or None where this store does not know it."""
    store = client(tracking_uri)
    experiments = [experiment.experiment_id for experiment in store.search_experiments()]
    query = f"tags.`{_output_tag(manifest)}` = '{manifest.stage}'"
    runs = store.search_runs(experiments, query, max_results=1, order_by=["attributes.start_time DESC"])
    return runs[0].info.run_id if runs else None


@contextmanager
def started(
    settings: Mlflow, root: Path, *, stage: str, tags: dict[str, str], run_id: str | None = None, store: str = HERE
) -> Iterator[StageRun]:
    """Open a stage's run; it ends FINISHED, or FAILED when the block raises.

    Runs of this stage whose process on this machine is gone without closing them (a kill, a power cut) are closed as KILLED.

    Args:
        settings: the `mlflow` section.
        root: the repository; relative stores lie in it.
        stage: name of the run.
        tags: recorded on the run beside the state of git.
        run_id: an ended or interrupted run to go on with; None: a new one.
        store: base.store.
    """
    mine = {"throughline.stage": stage, **place(root)}
    with collecting_nothing():
        import mlflow

        uri = experiment(settings, root, store)
        _close_abandoned(uri, settings.experiment, mine)
    described = tags | git_state(root) | mine | {PROCESS: str(os.getpid())}
    with mlflow.start_run(run_id=run_id, run_name=stage, tags=described, log_system_metrics=settings.system_metrics) as run:
        yield StageRun(run.info.run_id, uri)


def place(root: Path) -> dict[str, str]:
    """Tag of the runs of this repository on this machine."""
    return {PLACE: f"{socket.gethostname()}:{root}"}


def _close_abandoned(uri: str, experiment: str, tags: dict[str, str]) -> None:
    store = client(uri)
    query = " and ".join([*(f"tags.`{key}` = '{value}'" for key, value in tags.items()), "attributes.status = 'RUNNING'"])
    for run in store.search_runs([store.get_experiment_by_name(experiment).experiment_id], query):
        if not Path("/proc", run.data.tags[PROCESS]).exists():
            store.set_terminated(run.info.run_id, "KILLED")


def experiment(settings: Mlflow, root: Path, store: str = HERE) -> str:
    """Choose tracking store and experiment of this process; gives the tracking store's absolute address.

    A new experiment in a sqlite file keeps its artefacts in mlruns/ of `base.store`, else beside the file, not in the working folder. A
    server decides for itself.
    """
    import mlflow

    _quiet()
    name, uri = settings.experiment, absolute_uri(settings.tracking_uri, root)
    mlflow.set_tracking_uri(uri)
    if uri.startswith("sqlite:////") and mlflow.get_experiment_by_name(name) is None:
        mlflow.create_experiment(name, artifact_location=_artifacts(uri, root, store))
    mlflow.set_experiment(name)
    return uri


def _artifacts(uri: str, root: Path, store: str) -> str:
    """Where a new experiment's artefacts go: to the store, where MLflow knows its protocol."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    kept = folder_of(store, root, root / "mlruns")
    if kept is not None and not isinstance(kept, Path):
        with suppress(MlflowException):
            get_artifact_repository(str(kept))
            return str(kept)
        kept = None
    return (kept or Path(uri.removeprefix("sqlite:///")).parent / "mlruns").as_uri()


def absolute_uri(uri: str, root: Path) -> str:
    """Make `sqlite:///relative.db` independent of the working folder; other stores stay as they are."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
        return prefix + str((root / uri.removeprefix(prefix)).resolve())
    return uri


def git_state(root: Path, but: Sequence[str] = ()) -> dict[str, str]:
    """Tags for the commit and whether tracked files differ from it (the paths `but` aside); `unknown` outside a git checkout."""

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    commit, changes = (
        git("rev-parse", "HEAD"),
        git("status", "--porcelain", "--untracked-files=no", "--", ".", *(f":!{path}" for path in but)),
    )
    return {
        "throughline.git_commit": commit or "unknown",
        "throughline.git_dirty": "unknown" if changes is None else str(bool(changes)).lower(),
    }


@functools.lru_cache(maxsize=4)
def client(tracking_uri: str) -> Any:
    """MLflow's client of a store, one a process."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri)


def _output_tag(manifest: Manifest) -> str:
    return f"throughline.output.{manifest.digest[:16]}"


def _flatten(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _quiet() -> None:
    for name in ("mlflow", "alembic", "mlflow.system_metrics", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
