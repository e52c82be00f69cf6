"""The model registry: `finetune` registers, `evaluate` promotes, anyone lists and fetches.

A version holds the network as a torch.export program (`.pt2`: a graph and plain tensors, nothing to unpickle) with signature and
example, and beside it weights.safetensors and model.json, which is what our own stages load. `throughline registry` is its command.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from pipeline.artifacts.publication import file_digest
from pipeline.errors import UserError
from pipeline.registry.runs import StageRun

if TYPE_CHECKING:
    from torch import nn

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS, CARD = "weights.safetensors", "model.json"
LATEST, CHAMPION = "latest", "champion"
WEIGHTS_TAG = "throughline.weights_sha256"
TAG_LIMIT = 5000
REFERENCE = re.compile(r"(?:models:/)?(?P<name>[^@/:]+)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))")


class Promotion(NamedTuple):
    """What `promote` decided: whether the alias is now on the version, and why, for the user."""

    moved: bool
    reason: str


@dataclass(frozen=True)
class Registered:
    """A version of a registered model; `aliases` point at it."""

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
        network: trained module; takes (N, 3, H, W) float32 in [0, 1], returns a NamedTuple, tuple, dict or tensor.
        folder: holds weights.safetensors and model.json, other files (params.yaml) as wanted; all but the manifest are kept in the version.
        example: (1, 3, H, W) float32, fixes the input size; the number of images stays free.
        name: of the registered model.
        tags: recorded on the version.
        run: the stage's run, which the version belongs to.

    Returns:
        The version's number.

    Raises:
        UserError: the folder lacks weights.safetensors or model.json.
    """
    from pipeline.registry.export import log_network

    files = _extra_files(folder)
    with _store(run.tracking_uri) as client:
        with mlflow.start_run(run_id=run.run_id) if mlflow.active_run() is None else contextlib.nullcontext():
            version = log_network(network, example, name, files)
        for key, value in {**tags, WEIGHTS_TAG: file_digest(folder / WEIGHTS)}.items():
            client.set_model_version_tag(name, version, key, str(value)[:TAG_LIMIT])
    return version


def find_version(tracking_uri: str, name: str, weights_sha256: str) -> str | None:
    """Newest version whose weights have this digest; None where the store knows none."""
    with _store(tracking_uri) as client:
        found = [item.version for item in _versions(client, name) if item.tags.get(WEIGHTS_TAG) == weights_sha256]
    return max(map(str, found), key=int, default=None)


def promote(tracking_uri: str, name: str, version: str, *, metrics: Mapping[str, float], evaluation_digest: str, metric: str) -> Promotion:
    """Tag a version with its metrics and move `champion` to it if it is better on the same evaluation data.

    Metrics are kept per evaluation data (`evaluation.<digest>.<metric>`), so that a version scored on two sets has both. With no
    champion the version becomes it. A champion never scored on this data stays: the two cannot be compared.

    Args:
        tracking_uri: the store.
        name: registered model.
        version: its version.
        metrics: name -> value, higher is better for `metric`.
        evaluation_digest: names the evaluation data and its rules.
        metric: which of `metrics` decides; a tie keeps the champion.
    """
    with _store(tracking_uri) as client:
        for key, value in metrics.items():
            client.set_model_version_tag(name, version, _metric_tag(evaluation_digest, key), repr(float(value)))
            client.set_model_version_tag(name, version, f"metrics.{key}", repr(float(value)))
        client.set_model_version_tag(name, version, "evaluation_digest", evaluation_digest)
        decision = _decide(_champion(client, name), version, metrics[metric], _metric_tag(evaluation_digest, metric), f"{name} {metric}")
        if decision.moved:
            client.set_registered_model_alias(name, CHAMPION, version)
    return decision


def make_champion(reference: str, tracking_uri: str) -> Registered:
    """Move `champion` to a version, whatever its scores; returns that version.

    Raises:
        UserError: there is no such model, alias or version.
    """
    item = show(reference, tracking_uri)
    with _store(tracking_uri) as client:
        client.set_registered_model_alias(item.name, CHAMPION, item.version)
    return item


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
    with _store(tracking_uri), tempfile.TemporaryDirectory(prefix="throughline-fetch-") as temporary:
        source = f"models:/{found.name}/{found.version}"
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=source, dst_path=temporary))
        extra = folder / "extra_files"
        missing = [name for name in (WEIGHTS, CARD) if not (extra / name).is_file()]
        if missing:
            raise UserError(f"{source}: holds no {' and no '.join(missing)}\nnext: fetch a version that `finetune` registered")
        out.mkdir(parents=True, exist_ok=True)
        for path in sorted(extra.iterdir()):
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
    with _store(tracking_uri) as client:
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
    with _store(tracking_uri) as client:
        return _registered(client)


def _extra_files(folder: Path) -> list[str]:
    missing = [name for name in (WEIGHTS, CARD) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder}: cannot be registered without {' and '.join(missing)}\nnext: run `dvc repro finetune`")
    return [str(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != "manifest.json"]


def _decide(champion: ModelVersion | None, version: str, value: float, tag: str, what: str) -> Promotion:
    if champion is None:
        return Promotion(True, f"version {version} is the first champion ({what} {value:.2f})")
    if str(champion.version) == version:
        return Promotion(True, f"version {version} stays champion ({what} {value:.2f})")
    known = champion.tags.get(tag)
    if known is None:
        return Promotion(
            False,
            f"champion stays version {champion.version}: it was scored on other data, so version {version} cannot be compared with it\n"
            f"next: `throughline registry promote {champion.name}/{version}` moves it by hand",
        )
    if value > float(known):
        return Promotion(True, f"version {version} is champion: {what} {value:.2f} beats {float(known):.2f} of version {champion.version}")
    return Promotion(False, f"champion stays version {champion.version}: {what} {float(known):.2f}, version {version} has {value:.2f}")


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    version = client.get_registered_model(name).aliases.get(CHAMPION)
    return None if version is None else client.get_model_version(name, version)


def _metric_tag(evaluation_digest: str, metric: str) -> str:
    return f"evaluation.{evaluation_digest[:16]}.{metric}"


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
def _store(tracking_uri: str) -> Iterator[MlflowClient]:
    """Point MLflow at a store for the block: model logging and downloads have no argument for it."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tracking_uri)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        yield MlflowClient(tracking_uri, tracking_uri)
    finally:
        mlflow.set_tracking_uri(before)
