"""A sweep: many variants of the parameter file, trained, tracked and scored side by side (`throughline sweep`).

What is finished is never done again: the same command goes on where a killed one was. Sweeps are no part of the pipeline: `dvc repro` runs
none, `dvc repro experiments/dvc.yaml` runs those that experiments/kept.yaml names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.sweeps import definitions, tuning
from experiments.sweeps.plan import Plan, adhoc
from experiments.sweeps.tuning import Machinery, Outcome
from experiments.trials import steps
from experiments.trials.changes import changed_file, pair
from experiments.trials.recipe import Overrides
from pipeline.artifacts import code as closure
from pipeline.artifacts.publication import Publication
from pipeline.params import file as parameters
from stages import ROOT

MACHINERY = Machinery(steps.check, steps.realise, steps.outcome, steps.model_folder)
SWEEPS = Path("experiments") / "sweeps.yaml"


def sweep(plan: Plan, root: Path, machinery: Machinery = MACHINERY) -> list[Outcome]:
    """Run what is missing of a sweep; write artifacts/sweeps/<name> and the runs in MLflow.

    Raises:
        UserError: a trial's parameters cannot be used, its data or weights are missing, or the cluster is too small.
    """
    tuning.check(plan, machinery, root)  # before what takes long to import
    from experiments.sweeps import output, record

    with tuning.alone(plan, root), record.opened(plan, root) as runs:
        outcomes = tuning.run(plan, machinery, runs, root)
        chosen = output.best(plan, outcomes)
        if chosen is not None:
            runs.tag_best(chosen.trial.number, plan.metric, chosen.metrics[plan.metric])
        fingerprint = parameters.digest(plan.fingerprint(root), closure.digest(("experiments/sweeps/run.py",), ROOT))
        publication = Publication(root / "artifacts" / "sweeps" / plan.name, "sweep", fingerprint)
        runs.parent.output(output.publish(plan, outcomes, publication, runs.parent))
    output.show(plan, outcomes)
    return outcomes


def plan(
    name: str, params: Path, changes: Sequence[str] = (), grid: Sequence[str] = (), settings: Overrides | None = None, root: Path = ROOT
) -> Plan:
    """The plan of a sweep on a parameter file.

    Args:
        name: a sweep of experiments/sweeps.yaml; with a grid any word.
        params: the parameter file.
        changes: of all trials, each `key=value`.
        grid: values to try in place of the sweep's own, each `key=value,value`.
        settings: further changes by dotted key, such as `sweep.seeds`; None as a value stands for no change.
        root: the repository.

    Raises:
        UserError: there is no such sweep or key, or a value cannot be used.
    """
    raw, checked = changed_file(params, changes, {key: value for key, value in (settings or {}).items() if value is not None})
    return Plan(name, _definition(name, grid, root / SWEEPS), raw, checked)


def _definition(name: str, grid: Sequence[str], path: Path) -> definitions.Definition:
    if not grid:
        return definitions.load(path, name)
    axes = dict(pair(text, "--grid") for text in grid)
    return adhoc(name, definitions.load(path, name) if name in definitions.read(path) else None, axes)
