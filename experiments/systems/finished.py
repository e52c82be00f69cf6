"""What a finished pipeline adds to the comparison of systems: a record of docs/systems.json with scores, speed, size and training time."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from experiments.papers.ledger import Record
from experiments.systems.comparison import whole
from pipeline.artifacts.fingerprint import code_of
from pipeline.errors import UserError
from pipeline.files.model_folder import CARD, WEIGHTS
from pipeline.params import file as parameters
from pipeline.registry.runs import git_state
from pipeline.runtime.machine import kind
from pipeline.scoring.tables import METRICS, headline

LEDGER = Path("docs") / "systems.json"
COUNTERS = ("running_mean", "running_var", "num_batches_tracked")  # statistics that a normalisation keeps, which nothing trains
STEPS = ("pretrain", "finetune", "track", "evaluate")


def finished(params: Path, minutes: float | None, root: Path) -> Record:
    """The record of the pipeline that has run in this repository.

    Args:
        params: its parameter file.
        minutes: that both trainings took; None where nothing recorded them.
        root: the repository.

    Raises:
        UserError: nothing was scored here, or what was trained is of another system than the parameters name.
    """
    raw, read = parameters.read(params), parameters.load(params)
    metrics = _scores(root / "artifacts" / "evaluate" / METRICS)
    folder = root / "artifacts" / "finetune"
    trained = json.loads((folder / CARD).read_text())["name"]
    if trained != read.model.name:
        raise UserError(f"{folder}: a model of {trained}, but {params} names {read.model.name}\nnext: run `dvc repro` and again")
    metrics["parameters"] = float(size_of(folder / WEIGHTS))
    if minutes is not None:
        metrics["training minutes"] = minutes
    recipe = whole(raw, {}, read.base.seed, str(params))
    state = git_state(root, but=("docs", "params.yaml"))
    commit = state["throughline.git_commit"][:10] + ("+" if state["throughline.git_dirty"] == "true" else "")
    code = {step: code_of(step, read) for step in STEPS}
    named = parameters.digest(recipe.digest(), code)
    made = {"parameters": {"file": parameters.digest(read)}, "code": code, "machine": kind()}
    data = "+".join(read.pack_samples.videos)
    return Record(data, read.model.name, read.base.seed, recipe.digest(), named, commit, metrics, made)


def size_of(path: Path) -> int:
    """How many numbers a file of weights holds, without the statistics of normalisations; reads its header alone."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if not name.endswith(COUNTERS))


def _scores(path: Path) -> dict[str, float]:
    if not path.is_file():
        raise UserError(f"{path}: nothing was scored here\nnext: run the pipeline (`make repro PRESET=..`), then this command again")
    found = json.loads(path.read_text())
    scores = {name: float(value) for name, value in headline(found).items()}
    speed = found.get("speed", {}).get("frames_per_second")
    return scores | ({} if speed is None else {"frames/s": float(speed)})
