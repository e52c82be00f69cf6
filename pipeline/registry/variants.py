"""Versions that share a trained network and differ in the options of the tracker.

A variant is a model of its own: everything that loads a version loads this one with its own options. Its large files are those of the
version that it was made from: on a disk by hard links, which cost nothing and outlive that version; an artifact server gets copies, as it
knows no links. `throughline.weights_sha256` says of both that the weights are the same.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import mlflow
from mlflow.entities import LoggedModel
from mlflow.models import Model

from pipeline.registry.layout import CARD
from pipeline.registry.registry import artifacts_of, connected, local_folder
from pipeline.registry.runs import StageRun
from pipeline.registry.scores import Candidate

DESCRIPTION = "MLmodel"  # MLflow's file, which names the model that it belongs to
OF_TAG = "throughline.variant_of"
OF_TRAINING = ("throughline.fingerprint", "throughline.output", "throughline.samples")  # tags of any version with these weights


def register_variant(run: StageRun, name: str, version: str, candidate: Candidate) -> str:
    """Register a candidate whose weights a version of the model holds.

    Args:
        run: the run that found its options worth scoring, which the variant belongs to.
        name: registered model.
        version: that has the weights.
        candidate: the variant.

    Returns:
        The variant's version.
    """
    with connected(run.tracking_uri) as client, tempfile.TemporaryDirectory(prefix="throughline-variant-") as temporary:
        parent = client.get_model_version(name, version)
        model = client.create_logged_model(client.get_run(run.run_id).info.experiment_id, name=name, source_run_id=run.run_id)
        source, target = artifacts_of(f"{name}/{version}", run.tracking_uri), local_folder(model.artifact_location)
        folder = Path(temporary) if source is None or target is None else target
        if source is None:
            mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{name}/{version}", dst_path=temporary)
        else:
            _share(source, folder)
        _describe(folder, model, run, candidate)
        if folder != target:
            client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")
        kept = {key: value for key, value in parent.tags.items() if key in OF_TRAINING}
        tags = {**kept, **candidate.tags, OF_TAG: version}
        made = client.create_model_version(
            name, f"models:/{model.model_id}", run.run_id, tags, description=parent.description, model_id=model.model_id
        )
    return str(made.version)


def _share(source: Path, target: Path) -> None:
    """Let every file of a folder be in another, by links where the disk can."""
    for path in sorted(item for item in source.rglob("*") if item.is_file()):
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, to)
        except OSError:
            shutil.copyfile(path, to)


def _describe(folder: Path, model: LoggedModel, run: StageRun, candidate: Candidate) -> None:
    """Write what is the variant's own: its options in every card, and MLflow's description. A link is replaced, never written through."""
    for path in sorted(folder.rglob(CARD)):
        card = json.loads(path.read_text())
        card["options"] = card.get("options", {}) | {"tracker": dict(candidate.tracker)}
        _replace(path, json.dumps(card, indent=1, sort_keys=True) + "\n")
    described = Model.load(str(folder / DESCRIPTION))
    described.model_id = described.model_uuid = model.model_id
    described.run_id, described.artifact_path = run.run_id, model.artifact_location
    _replace(folder / DESCRIPTION, described.to_yaml())


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)
