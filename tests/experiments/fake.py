"""Trials that cost nothing: the score is a formula of the parameters, the work a line in a file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from experiments.sweeps import definitions
from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Machinery, Report
from experiments.trials.recipe import Recipe, overridden
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import StageRun
from tests.mlflow_store import new_store
from tests.parameters import walkers

THRESHOLD = "model.tracker.detection_threshold"
TRACKER = {"description": "Thresholds", "first": "track", "grid": {THRESHOLD: [0.2, 0.3, 0.4, 0.5]}}


def plan(body: dict[str, Any], name: str = "demo", **changes: Any) -> Plan:
    """A sweep of the walkers preset with the values that tests name, and changes by dotted key (two underscores for a dot)."""
    base = {"mlflow.system_metrics": False, "mlflow.tracking_uri": "sqlite:///runs.db", "cluster.address": "local", "cluster.num_cpus": 2}
    base |= {THRESHOLD: 0.4, "model.tracker.refind_window": 15, "pretrain.lr": 0.001, "finetune.lr": 0.0008}
    raw = walkers()
    raw = overridden(raw, base | {key.replace("__", "."): value for key, value in changes.items()}, "test")
    params = parameters.validate(Params, raw, where="test")
    return Plan(name, parameters.validate(definitions.Definition, body, where="test", prefix=name), raw, params)


def check(recipe: Recipe, root: Path) -> None:
    recipe.parameters("track")


def realise(recipe: Recipe, root: Path, run: StageRun, report: Report | None = None, rungs: tuple[float, ...] = ()) -> dict[str, float]:
    """Best at 0.3 in the first seed; fails at 0.5; takes base.data_root's number of seconds."""
    params, options = recipe.parameters("track")
    threshold = options.model_dump()["tracker"]["detection_threshold"]
    with (root / "work.txt").open("a") as stream:
        stream.write(f"{threshold} {recipe.seed}\n")
    (root / "worker.pid").write_text(str(os.getpid()))
    if params.base.data_root.startswith("sleep"):
        time.sleep(float(params.base.data_root.removeprefix("sleep")))
    if threshold == 0.5:
        raise UserError("weights: do not fit\nnext: train anew") if recipe.seed == 1 else RuntimeError("the network diverged")
    metrics = {"HOTA": 60 - 100 * abs(threshold - 0.3) + (recipe.seed - 317) / 10, "IDSW": 3.0}
    run.metrics({"loss": 2.0}, 1)
    for rung in rungs if report else ():
        report(metrics | {"HOTA": metrics["HOTA"] * rung}, rung)  # type: ignore[misc]
    write_text(_file(recipe, root), json.dumps(metrics))
    return metrics


def outcome(recipe: Recipe, root: Path) -> dict[str, float] | None:
    path = _file(recipe, root)
    return json.loads(path.read_text()) if path.is_file() else None


def model_folder(recipe: Recipe, root: Path) -> Path | None:
    return root / "model"


def _file(recipe: Recipe, root: Path) -> Path:
    return root / "outcomes" / f"{recipe.digest()[:32]}.json"


MACHINERY = Machinery(check, realise, outcome, model_folder)


def repository(root: Path) -> Path:
    """A root with published data and weights."""
    for folder in ("data/frames", "data/samples"):
        publication = Publication(root / folder, "fake", "f")
        with publication.write("one.txt") as path:
            path.write_text(folder)
        publication.publish()
    new_store(root, "runs.db")
    (root / "model").mkdir(exist_ok=True)
    (root / "model" / "weights.safetensors").write_text("weights")
    return root
