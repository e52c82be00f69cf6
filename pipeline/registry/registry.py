"""The model registry: `finetune` registers, `evaluate` scores (`champions`), anyone lists and fetches.

A version holds weights.safetensors and model.json, which is what our own stages load, and the code that tracks with them, so that
`mlflow.pyfunc.load_model` needs nothing of this repository (`export`). `throughline registry` is its command.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from pipeline.artifacts.publication import file_digest
from pipeline.errors import UserError
from pipeline.registry.layout import CARD, WEIGHTS, model_files
from pipeline.registry.runs import StageRun
from pipeline.registry.scores import WEIGHTS_TAG, Candidate

if TYPE_CHECKING:
    from torch import nn

ROOT = Path(__file__).resolve().parents[2]
LATEST, CHAMPION = "latest", "champion"
REFERENCE = re.compile(r"(?:models:/)?(?P<name>[^@/:]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))")


@dataclass(frozen=True)
class Registered:
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        version: its number, as text.
        aliases: that point at it, MLflow's own `latest` included; sorted.
        run_id: of the MLflow run that registered it; empty where there is none.
        tags: of the version.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    run_id: str
    tags: Mapping[str, str]

    @property
    def label(self) -> str:
        """Name, version and aliases, as in `outrack/3 (champion, latest)`."""
        return f"{self.name}/{self.version}" + (f" ({', '.join(self.aliases)})" if self.aliases else "")


def register(network: nn.Module, folder: Path, example: NDArray[np.float32], *, name: str, tags: Mapping[str, str], run: StageRun) -> str:
    """Log a trained network to a run and register it; MLflow's built-in alias `latest` then means this version.

    Args:
        network: the trained module; not used, since a version holds weights and code instead of a pickled module.
        folder: holds weights.safetensors and model.json, other files (params.yaml) as wanted; all but the manifest are kept in the version.
        example: (1, 3, H, W) float32; not used, since a version takes frames of any size (`export.signature`).
        name: of the registered model.
        tags: recorded on the version.
        run: the stage's run, which the version belongs to.

    Returns:
        The version's number.

    Raises:
        UserError: the folder lacks weights.safetensors or model.json.
    """
    from pipeline.registry.export import describe, log_tracker

    files = _kept_files(folder)
    with connected(run.tracking_uri) as client:
        with mlflow.start_run(run_id=run.run_id) if mlflow.active_run() is None else contextlib.nullcontext():
            version = log_tracker(name, folder, files, describe(folder, name))
        for key, value in {**tags, **candidate_of(folder).tags}.items():
            client.set_model_version_tag(name, version, key, str(value))
    return version


def candidate_of(folder: Path) -> Candidate:
    """The candidate that a model's folder is: its weights with the options of the tracker that its card states."""
    options = json.loads((folder / CARD).read_text()).get("options", {})
    return Candidate(file_digest(folder / WEIGHTS), options.get("tracker", {}))


def find_version(tracking_uri: str, name: str, candidate: Candidate) -> str | None:
    """Newest version that is this candidate; None where the store knows none."""
    with connected(tracking_uri) as client:
        return _newest(item for item in _versions(client, name) if Candidate.of_tags(item.tags) == candidate)


def find_weights(tracking_uri: str, name: str, weights_sha256: str) -> str | None:
    """Newest version that has these weights, whatever its tracker; None where the store knows none."""
    with connected(tracking_uri) as client:
        return _newest(item for item in _versions(client, name) if item.tags.get(WEIGHTS_TAG) == weights_sha256)


def fetch(reference: str, tracking_uri: str, out: Path) -> Path:
    """Copy a version's weights.safetensors, model.json and parameters into a folder.

    Args:
        reference: `outrack@champion` or `outrack/3`, with or without `models:/`.
        tracking_uri: the store.
        out: folder to make or fill.

    Raises:
        UserError: there is no such model, alias or version, or it was not registered by `register`.
    """
    found = show(reference, tracking_uri)
    with connected(tracking_uri), tempfile.TemporaryDirectory(prefix="throughline-fetch-") as temporary:
        source = f"models:/{found.name}/{found.version}"
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=temporary))
        files = model_files(folder, source)
        out.mkdir(parents=True, exist_ok=True)
        for path in sorted(files.iterdir()):
            if path.is_file():  # somebody else's folder
                shutil.copyfile(path, out / path.name)
    return out


def show(reference: str, tracking_uri: str) -> Registered:
    """Look a version up (see `fetch`).

    Raises:
        UserError: there is no such model, alias or version; says which there are.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise UserError(f"{reference}: not a model reference\nnext: write NAME@ALIAS or NAME/VERSION, e.g. outrack@champion or outrack/3")
    with connected(tracking_uri) as client:
        try:
            if match["alias"]:
                found = client.get_model_version_by_alias(match["name"], match["alias"])  # resolves latest as well
            else:
                found = client.get_model_version(match["name"], match["version"])
        except MlflowException:
            known = [item.label for item in _registered(client)]
            raise UserError(
                f"{reference}: not in the registry at {tracking_uri}; there are: {', '.join(known) or 'no models'}\n"
                "next: `throughline registry list`, or `dvc repro finetune` to register one"
            ) from None
        return _described(found, _aliases(client, match["name"]))


def versions(tracking_uri: str) -> list[Registered]:
    """Every registered version, by name and number."""
    with connected(tracking_uri) as client:
        return _registered(client)


def artifacts_of(reference: str, tracking_uri: str) -> Path | None:
    """The folder that holds a version's files (see `fetch`); None where it is none of this machine's.

    Raises:
        UserError: there is no such model, alias or version.
    """
    found = show(reference, tracking_uri)
    with connected(tracking_uri) as client:
        return local_folder(str(client.get_model_version_download_uri(found.name, found.version)))


def local_folder(uri: str) -> Path | None:
    """The folder that an address of MLflow's artifacts names; None where it is none of this machine's."""
    parsed = urlparse(uri)
    return Path(unquote(parsed.path)) if parsed.scheme in ("", "file") else None


def _kept_files(folder: Path) -> list[str]:
    missing = [name for name in (WEIGHTS, CARD) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder}: cannot be registered without {' and '.join(missing)}\nnext: run `dvc repro finetune`")
    return [path.name for path in sorted(folder.iterdir()) if path.is_file() and path.name != "manifest.json"]


def _newest(items: Iterable[ModelVersion]) -> str | None:
    return max((str(item.version) for item in items), key=int, default=None)


def _versions(client: MlflowClient, name: str) -> list[ModelVersion]:
    return list(client.search_model_versions(f"name = '{name}'", max_results=10000))


def _registered(client: MlflowClient) -> list[Registered]:
    found = []
    for model in client.search_registered_models(max_results=1000):
        ordered = sorted(_versions(client, model.name), key=lambda item: int(item.version))
        found += [_described(item, _aliases(client, model.name)) for item in ordered]
    return found


def _aliases(client: MlflowClient, name: str) -> dict[str, str]:
    """Alias -> version, MLflow's own `latest` (reserved, never listed) included."""
    newest = max((int(item.version) for item in _versions(client, name)), default=None)
    listed = {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    return listed if newest is None else listed | {LATEST: str(newest)}


def _described(item: ModelVersion, aliases: Mapping[str, str]) -> Registered:
    mine = tuple(sorted(alias for alias, version in aliases.items() if str(version) == str(item.version)))
    return Registered(item.name, str(item.version), mine, item.run_id or "", dict(item.tags))


@contextlib.contextmanager
def connected(tracking_uri: str) -> Iterator[MlflowClient]:
    """Point MLflow at a store for the block: model logging and downloads have no argument for it."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking_uri)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        yield MlflowClient(tracking_uri, tracking_uri)
    finally:
        mlflow.set_tracking_uri(before)
