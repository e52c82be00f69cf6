"""The best trial of a sweep becomes the parameter file, and a version of the registry (`throughline sweep NAME --apply`).

Only the values that the trial changes are written; comments and layout of the file stay. `sweep`, `cluster` and `mlflow` are about the
sweep, not about its outcome, and keep their values; so does `base.seed`, on which the data depends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import models
from experiments.sweeps import output
from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Machinery, Outcome
from experiments.trials.recipe import overridden
from pipeline.artifacts.publication import file_digest
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.edit import edited
from pipeline.params.preset import write
from pipeline.registry.address import tracking_uri
from pipeline.registry.provenance import provenance
from pipeline.registry.runs import StageRun
from pipeline.scoring.conditions import conditions
from pipeline.tracking.plan import tracked_frames

KEPT = ("sweep.", "cluster.", "mlflow.", "base.seed")


def apply(plan: Plan, outcomes: Sequence[Outcome], machinery: Machinery, params_file: Path, root: Path) -> None:
    """Write the best trial's parameters to `params_file`, register the model that it tracked with and its score, and print what was done.

    Of the best configuration the trial with the file's own seed is taken, where there is one: the pipeline will train with that seed.

    Raises:
        UserError: no trial finished, or what the best one does cannot be said in the parameter file.
    """
    chosen = _chosen(plan, outcomes)
    point = chosen.trial.configuration
    if not (point.pretrain and point.finetune):
        raise UserError(f"{point.label} leaves out a training stage, which the parameter file cannot say\nnext: choose another sweep")
    current = parameters.read(params_file)
    wanted = overridden(plan.raw, point.changes, f"sweep {plan.name}")
    if wanted["model"]["name"] != current["model"]["name"]:
        raise UserError(f"{point.label} is of system {wanted['model']['name']}\nnext: `throughline preset` of that system, then the sweep")
    changes = _differences(current, wanted)
    text = edited(params_file.read_text(), changes, params_file)
    write(params_file, text)
    for key, value in changes.items():
        print(f"{params_file.name}: {key}: {value}")
    if not changes:
        print(f"{params_file.name} stays as it is: {point.label} is what it says")
    print(_registered(plan, chosen, machinery, root))


def _chosen(plan: Plan, outcomes: Sequence[Outcome]) -> Outcome:
    best = output.best(plan, outcomes)
    if best is None:
        raise UserError(f"sweep {plan.name}: no trial finished, so none can be applied\nnext: see the errors above")
    same = [item for item in outcomes if item.trial.configuration.label == best.trial.configuration.label and item.status == "finished"]
    return next((item for item in same if item.trial.seed == plan.params.base.seed), best)


def _differences(current: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values that differ, by dotted key."""
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        key = prefix + name
        if isinstance(value, Mapping) and isinstance(current[name], Mapping) and value.keys() == current[name].keys():
            found |= _differences(current[name], value, f"{key}.")
        elif value != current[name] and not key.startswith(KEPT):
            found[key] = value
    return found


def _registered(plan: Plan, chosen: Outcome, machinery: Machinery, root: Path) -> str:
    """Register the trial's candidate where the registry lacks it, and give it its score."""
    from pipeline.registry import champions
    from pipeline.registry.scores import Score

    params, options = chosen.trial.recipe.parameters("track")
    if not plan.definition.finetune or plan.definition.frames:
        return "not registered: this sweep tracks another network or other frames than the pipeline does"
    if "ground_truth" in (params.track.detections, params.track.association):
        return "not registered: its tracks were told the ground truth"
    folder = machinery.model_folder(chosen.trial.recipe, root)
    assert folder is not None, "a finished trial has a network"
    run = StageRun(chosen.run_id, tracking_uri(params.mlflow.tracking_uri, root))
    name, version = params.model.name, _version(run, folder, options.model_dump(mode="json")["tracker"], params.model.name)
    boxes = {f"{dataset}/{sequence}": file_digest(path) for (dataset, sequence), path in tracked_frames(params, root).given.items()}
    score = Score(conditions(params, root, boxes), dict(chosen.metrics), provenance(chosen.run_id, params, root))
    run.tag("throughline.version", f"{name}/{version}")
    decision = champions.consider(run.tracking_uri, name, version, score, params.evaluate.champion_metric)
    return f"trial {chosen.trial.number} (seed {chosen.trial.seed}) is {name}/{version}; {decision.reason}"


def _version(run: StageRun, folder: Path, tracker: Mapping[str, Any], name: str) -> str:
    """The version of a network with these options; new where the registry lacks it."""
    from pipeline.registry import registry, variants
    from pipeline.registry.layout import WEIGHTS
    from pipeline.registry.scores import Candidate

    candidate = Candidate(file_digest(folder / WEIGHTS), tracker)
    known = registry.find_version(run.tracking_uri, name, candidate)
    if known is not None:
        return known
    trained = registry.find_weights(run.tracking_uri, name, candidate.weights_sha256)
    if trained is None:
        trained = _register(run, folder, name)
        if registry.candidate_of(folder) == candidate:
            return trained
    return variants.register_variant(run, name, trained, candidate)


def _register(run: StageRun, folder: Path, name: str) -> str:
    import numpy as np

    from pipeline.files import model_folder
    from pipeline.registry import registry

    card = model_folder.load_model(folder)
    spec, options = models.of_card(card.name, card.options, None, str(folder / model_folder.CARD))
    network = spec.build_network(options)
    model_folder.load(network, folder / model_folder.WEIGHTS)
    example = np.zeros((1, 3, card.height, card.width), np.float32)
    return registry.register(network.eval(), folder, example, name=name, tags={"throughline.fingerprint": card.fingerprint}, run=run)
