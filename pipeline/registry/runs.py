"""MLflow runs: one for each stage, with parameters, metrics over time, data set inputs, upstream runs and the state of the code."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import Manifest
from pipeline.artifacts.store import HERE, Place, local
from pipeline.params.roots import home
from pipeline.params.sections.common import Mlflow
from pipeline.registry import reproduction
from pipeline.registry.address import absolute_uri as absolute_uri
from pipeline.registry.experiment import choose, client, find
from pipeline.registry.reproduction import Reproduction
from pipeline.runtime import git
from pipeline.runtime.imports import collecting_nothing

PARAMS_A_CALL = 100
PLACE, PROCESS = "throughline.place", "throughline.process"  # tags: machine and repository, and number of the process there
STAGE = "throughline.stage"
LOCK = "dvc.lock"  # which DVC writes after every stage, so that it says nothing of the code
MOST_PARAM, MOST_NAME, SHORT = 6000, 100, 7  # characters: what MLflow takes, what a list of runs shows, a digest in it


@dataclass(frozen=True)
class StageRun:
    """The MLflow run of one stage.

    Attributes:
        run_id: MLflow's id.
        tracking_uri: absolute, usable from any process and folder.
        prefix: what goes before the names of metrics, where several trainings share a run.
        parent: id of the run of the `dvc repro` or `dvc exp run` that the stage is part of; None: of none.
    """

    run_id: str
    tracking_uri: str
    prefix: str = ""
    parent: str | None = None

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        """Log numbers, all at one step."""
        worker_log(self.tracking_uri, self.run_id, {self.prefix + name: value for name, value in values.items()}, step)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log a nested mapping as dotted parameters."""
        _log_params(self.tracking_uri, self.run_id, flat(values))

    def headline(self, values: dict[str, float]) -> None:
        """Log the main numbers on the run of the whole reproduction; does nothing where the stage is part of none."""
        if self.parent is not None:
            worker_log(self.tracking_uri, self.parent, values, None)

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
    settings: Mlflow,
    root: Path,
    *,
    stage: str,
    tags: dict[str, str],
    run_id: str | None = None,
    store: str = HERE,
    params: Mapping[str, Any] | None = None,
    whole: Mapping[str, Any] | None = None,
) -> Iterator[StageRun]:
    """Open a stage's run; it ends FINISHED, or FAILED when the block raises.

    In a stage that DVC started, the run lies below one of the `dvc repro` or `dvc exp run`, which the first stage makes. Runs of this stage
    and such parents whose process on this machine is gone without closing them (a kill, a power cut) are closed as KILLED.

    Args:
        settings: the `mlflow` section.
        root: the repository; relative stores lie in it.
        stage: name of the run, which what is new in `params` follows.
        tags: recorded on the run beside the state of git.
        run_id: an ended or interrupted run to go on with; None: a new one.
        store: base.store.
        params: what decides the stage's output, for the run; None: the caller logs it.
        whole: the parameter file, for the run of the reproduction.

    Raises:
        UserError: the store came from another clone.
    """
    mine = place(root)
    with collecting_nothing():
        import mlflow

        uri = choose(settings, root, store)
        for kind in (stage, reproduction.STAGE):
            _close_abandoned(uri, settings.experiment, {STAGE: kind, **mine})
    named, state = flat(params or {}), git_state(root)
    described = tags | state | mine | {STAGE: stage, PROCESS: str(os.getpid())}
    command = reproduction.current() if run_id is None else None
    parent = None if command is None else _reproduction(uri, settings.experiment, command, mine | state, whole or {})
    name = stage if params is None else _name(uri, settings.experiment, stage, mine, named, tags)
    within = nullcontext() if parent is None else reproduction.running(client(uri), parent)
    opened = mlflow.start_run(
        run_id=run_id, run_name=name, tags=described, parent_run_id=parent, log_system_metrics=settings.system_metrics
    )
    with within, opened as run:
        _log_params(uri, run.info.run_id, named)
        yield StageRun(run.info.run_id, uri, parent=parent)


def place(root: Path) -> dict[str, str]:
    """Tag of the runs of this repository on this machine, whichever working copy of DVC's they are made in."""
    return {PLACE: f"{socket.gethostname()}:{home(root)}"}


def _reproduction(uri: str, within: str, command: Reproduction, tags: Mapping[str, str], whole: Mapping[str, Any]) -> str:
    """The run of a command of DVC: the one that an earlier stage made, or a new one, which is named after what is new in its parameters."""
    mine = {STAGE: reproduction.STAGE, PLACE: tags[PLACE]}
    known = find(uri, within, mine | {reproduction.REPRODUCTION: command.key}, most=1)
    if known:
        return str(known[0].info.run_id)
    named = flat(whole)
    name = _name(uri, within, command.title, mine, named, {"throughline.fingerprint": tags["throughline.git_commit"]})
    described = {**tags, STAGE: reproduction.STAGE, reproduction.REPRODUCTION: command.key, PROCESS: str(command.process)}
    described["mlflow.user"] = os.environ.get("USER", "unknown")
    store = client(uri)
    made = store.create_run(store.get_experiment_by_name(within).experiment_id, tags=described, run_name=name)
    _log_params(uri, made.info.run_id, named)
    return str(made.info.run_id)


def _name(uri: str, within: str, title: str, mine: Mapping[str, str], now: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """A run's name that tells it from the one before of the same kind: by the parameters that changed, else by its fingerprint."""
    before = find(uri, within, {STAGE: title, **mine}, most=1)
    new = reproduction.changes(now, before[0].data.params) if before else ""
    fingerprint = tags.get("throughline.fingerprint", "")[:SHORT]
    return (f"{title}: {new}" if new else f"{title} {fingerprint}".strip())[:MOST_NAME]


def _close_abandoned(uri: str, within: str, tags: Mapping[str, str]) -> None:
    for run in find(uri, within, tags, "attributes.status = 'RUNNING'"):
        process = run.data.tags.get(PROCESS)  # a run that something else made has none, and is nobody's to close
        if process is not None and not Path("/proc", process).exists():
            client(uri).set_terminated(run.info.run_id, "KILLED")


def git_state(root: Path, but: Sequence[str] = ()) -> dict[str, str]:
    """Tags for the commit and whether tracked files differ from it (dvc.lock and the paths `but` aside); `unknown` outside a checkout."""

    commit = git.said(root, "rev-parse", "HEAD")
    changes = git.said(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *(f":!{path}" for path in (LOCK, *but)))
    return {
        "throughline.git_commit": (commit or "unknown").strip(),
        "throughline.git_dirty": "unknown" if changes is None else str(bool(changes.strip())).lower(),
    }


def _output_tag(manifest: Manifest) -> str:
    return f"throughline.output.{manifest.digest[:16]}"


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """A nested mapping as dotted parameters, in the words that MLflow keeps; an empty mapping is one."""
    return {key: str(value)[:MOST_PARAM] for key, value in _leaves(values, "")}


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _log_params(uri: str, run_id: str, values: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    listed = [Param(key, value) for key, value in values.items()]
    for start in range(0, len(listed), PARAMS_A_CALL):
        client(uri).log_batch(run_id, params=listed[start : start + PARAMS_A_CALL])
