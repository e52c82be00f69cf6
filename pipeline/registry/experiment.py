"""MLflow's experiment: the store of this process, its client, and queries on its runs."""

from __future__ import annotations

import fcntl
import functools
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.artifacts.store import HERE, folder_of
from pipeline.params.sections.common import Mlflow
from pipeline.registry import address

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"  # tag by which MLflow's page opens an experiment on its runs


def choose(settings: Mlflow, root: Path, store: str = HERE) -> str:
    """Choose tracking store and experiment of this process; gives the tracking store's absolute address.

    A new experiment in a sqlite file keeps its artefacts in mlruns/ of `base.store`, else beside the file, not in the working folder. A
    server decides for itself.

    Raises:
        UserError: the store came from another clone.
    """
    uri = address.tracking_uri(settings.tracking_uri, root)
    import mlflow

    _quiet()
    name, file = settings.experiment, address.database(uri)
    address.use(uri)
    tags = {KIND: TRAINING} | ({} if file is None else {address.DATABASE: str(file.resolve())})
    with _alone(file):
        if file is not None and not file.is_file():
            _make(uri, file)
        found = mlflow.get_experiment_by_name(name)
        if found is None:
            mlflow.create_experiment(name, artifact_location=None if file is None else _artifacts(file, root, store), tags=tags)
    for key, value in tags.items() if found is not None else ():
        if key not in found.tags:
            client(uri).set_experiment_tag(found.experiment_id, key, value)
    mlflow.set_experiment(name)
    return uri


@contextmanager
def _alone(file: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables of a new sqlite store, and its experiment: MLflow ends all but one of those that try."""
    if file is None or not file.parent.is_dir():
        yield
        return
    folder = os.open(file.parent, os.O_RDONLY)  # whose lock needs no file of its own
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make(uri: str, file: Path) -> None:
    """Make the tables of a new sqlite store; MLflow by itself writes its folder into SQL unquoted, and a path may hold quotation marks."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(uri, (file.parent / address.RUNS).as_uri())


def _artifacts(file: Path, root: Path, store: str) -> str:
    """Where a new experiment's artefacts go: to the store, where MLflow knows its protocol."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    kept = folder_of(store, root, root / address.RUNS)
    if kept is not None and not isinstance(kept, Path):
        with suppress(MlflowException):
            get_artifact_repository(str(kept))
            return str(kept)
        kept = None
    return (kept or file.parent / address.RUNS).as_uri()


@functools.lru_cache(maxsize=4)
def client(tracking_uri: str) -> Any:
    """MLflow's client of a store, made once per process and store."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri)


def find(uri: str, within: str, tags: Mapping[str, str], *further: str, most: int = 1000) -> list[Any]:
    """Runs of the experiment `within` that have these tags and meet further conditions, the newest first."""
    query = " and ".join([*(f"tags.`{key}` {condition(value)}" for key, value in tags.items()), *further])
    store = client(uri)
    where = [store.get_experiment_by_name(within).experiment_id]
    found = store.search_runs(where, query, max_results=most, order_by=["attributes.start_time DESC"])
    return [run for run in found if all(run.data.tags.get(key) == value for key, value in tags.items())]


def condition(value: str) -> str:
    """What a query of MLflow's demands of a tag with this value; a folder's name may hold quotation marks.

    MLflow's grammar has no way to write a string with both kinds of them. One with both is searched by a pattern that others may fit.
    """
    if "'" not in value:
        return f"= '{value}'"
    return f'= "{value}"' if '"' not in value else 'LIKE "{}"'.format(value.replace('"', "_"))


def _quiet() -> None:
    for name in ("mlflow", "alembic", "mlflow.system_metrics", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
