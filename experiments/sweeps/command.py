"""A sweep: many variants of the parameter file, trained, tracked and scored side by side.

    python -m experiments.sweeps temperature --seeds 3 --set sweep.budget=0.5
    python -m experiments.sweeps mine --grid model.tracker.iou_limit=0.4,0.5,0.6

What is finished is never done again: the same command goes on where a killed one was. Apart from the pipeline: `dvc repro` runs none,
`dvc repro experiments/dvc.yaml:temperature` one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

import models
from experiments.sweeps import definitions, output, record, tuning
from experiments.sweeps.plan import Plan, adhoc
from experiments.sweeps.tuning import Machinery, Outcome
from experiments.trials import steps
from experiments.trials.recipe import Overrides, Systems, overridden
from pipeline.artifacts import code as closure
from pipeline.artifacts import store
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from stages import ROOT, plain_errors

EXIT_FAILED = 1
SYSTEMS = Systems(models.load, models.options)
MACHINERY = Machinery(steps.check, steps.realise, steps.outcome, steps.model_folder)
SWEEPS = Path("experiments") / "sweeps.yaml"


class Words(yaml.SafeLoader):
    """YAML in which off, on, yes and no are words: on a command line nobody quotes them."""


Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def sweep(plan: Plan, root: Path, machinery: Machinery = MACHINERY) -> list[Outcome]:
    """Run what is missing of a sweep; write artifacts/sweeps/<name> and the runs in MLflow.

    Raises:
        UserError: a trial's parameters cannot be used, its data or weights are missing, or the cluster is too small.
    """
    with tuning.alone(plan, root):
        tuning.check(plan, machinery, root)
        with record.opened(plan, root) as runs:
            outcomes = tuning.run(plan, machinery, runs, root)
            chosen = output.best(plan, outcomes)
            if chosen is not None:
                runs.tag_best(chosen.trial.number, plan.metric, chosen.metrics[plan.metric])
            fingerprint = parameters.digest(plan.fingerprint(root), closure.digest(("experiments/sweeps/command.py",), ROOT))
            publication = Publication(root / "artifacts" / "sweeps" / plan.name, "sweep", fingerprint)
            runs.parent.output(output.publish(plan, outcomes, publication, runs.parent))
    output.show(plan, outcomes)
    return outcomes


def read(arguments: argparse.Namespace, root: Path) -> Plan:
    """The plan that the command line means.

    Raises:
        UserError: a sweep, key or value that there is not.
    """
    named = {"seeds": arguments.seeds, "trials": arguments.trials, "concurrency": arguments.concurrency}
    raw, params = parameter_file(arguments, {f"sweep.{key}": value for key, value in named.items() if value is not None})
    return Plan(arguments.name, _definition(arguments.name, arguments.grid, root / SWEEPS), raw, params, SYSTEMS)


def parameter_file(arguments: argparse.Namespace, further: Overrides | None = None) -> tuple[dict[str, Any], Params]:
    """The file that `--params` names with the changes of `--set` and further ones, as a mapping and checked.

    Raises:
        UserError: a key or value that there is not.
    """
    changes = {**dict(pair(text, "--set") for text in arguments.set), **(further or {})}
    raw = overridden(parameters.read(arguments.params), changes, "--set")
    return raw, parameters.validate(Params, raw, where=str(arguments.params))


def _definition(name: str, grid: Sequence[str], path: Path) -> definitions.Definition:
    if not grid:
        return definitions.load(path, name)
    axes = {}
    for text in grid:
        key, values = pair(text, "--grid")
        axes[key] = values
    return adhoc(name, definitions.load(path, name) if name in definitions.read(path) else None, axes)


def pair(text: str, option: str) -> tuple[str, Any]:
    """`key=value` with the value read as YAML; of a grid as a list."""
    key, sign, value = text.partition("=")
    try:
        parsed = yaml.load(f"[{value}]" if option == "--grid" else value, Words)
    except yaml.YAMLError:
        sign = ""
    if not sign or not key:
        raise UserError(f"{option} {text}: expected KEY=VALUE, with a dotted key of params.yaml")
    return key, parsed


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.sweeps", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="a sweep of experiments/sweeps.yaml, or with --grid any word")
    parser.add_argument("--params", default=str(ROOT / "params.yaml"), help="parameter file (default: params.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a parameter of all trials")
    parser.add_argument("--grid", action="append", default=[], metavar="KEY=V1,V2", help="values to try instead of the sweep's own")
    parser.add_argument("--seeds", type=int, help="sweep.seeds")
    parser.add_argument("--trials", type=int, help="sweep.trials")
    parser.add_argument("--concurrency", type=int, help="sweep.concurrency")
    return parser.parse_args(words)


def main() -> None:
    """Exits with 2 on a user's mistake and 1 when a trial failed or was interrupted."""
    with plain_errors():
        plan = read(arguments(), ROOT)
        with store.connected(plan.params.base.store):
            outcomes = sweep(plan, ROOT)
    unfinished = [outcome for outcome in outcomes if outcome.status in ("failed", "interrupted")]
    if unfinished:
        print(f"error: {len(unfinished)} of {len(outcomes)} trials did not finish; the same command tries them again", file=sys.stderr)
        raise SystemExit(EXIT_FAILED)


if __name__ == "__main__":
    main()
