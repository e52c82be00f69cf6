"""From a definition to trials: configurations, each with its recipe for each seed; the first is the parameter file as it is."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.sweeps.definitions import Case, Definition, Domain
from experiments.trials.recipe import STEPS, Overrides, Recipe, Step, overridden, scaled
from pipeline.artifacts.publication import content_digest
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params

DEFAULT = "default"
SETTLED = ("data/frames", "data/samples")  # folders that every trial reads


@dataclass(frozen=True)
class Configuration:
    """A point of a sweep.

    Attributes:
        label: name that tells it from the others, for people.
        values: the values of the sweep's own keys, defaults included (of a case: its label), in the sweep's order.
        changes: what differs from the parameter file.
        pretrain: whether the trial starts from pretrained weights.
        finetune: whether the trial fine-tunes.
    """

    label: str
    values: Mapping[str, Any]
    changes: Overrides
    pretrain: bool = True
    finetune: bool = True


@dataclass(frozen=True)
class Trial:
    """One configuration with one seed; `number` counts from 0, the default configuration."""

    number: int
    configuration: Configuration
    seed: int
    recipe: Recipe


@dataclass(frozen=True)
class Plan:
    """A sweep on a parameter file; picklable.

    Attributes:
        name: of the sweep.
        definition: what it tries.
        raw: the parameter file as a mapping.
        params: the same, checked.
    """

    name: str
    definition: Definition
    raw: Mapping[str, Any]
    params: Params

    @property
    def metric(self) -> str:
        """The metric by which trials are compared; the greatest value is the best."""
        return self.definition.metric or self.params.sweep.metric

    @property
    def trains(self) -> bool:
        """Whether a trial trains anything of its own."""
        return self.definition.first != "track"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of each configuration; one where nothing is drawn at random (tracking), and in a search."""
        if not self.trains:
            return (self.params.base.seed,)
        return self.params.seeds if self.definition.search is None else self.params.seeds[:1]

    @property
    def count(self) -> int:
        """How many trials there are."""
        if self.definition.search is not None:
            return self.params.sweep.trials or self.definition.trials or 0
        return len(self.configurations()) * len(self.seeds)

    @property
    def keys(self) -> list[str]:
        """Names of `Configuration.values`."""
        return list(self.definition.search or self.definition.grid or ["case"])

    def configurations(self) -> list[Configuration]:
        """The points of a grid or of cases, the default first; of a search only the default is known beforehand."""
        if self.definition.cases is not None:
            return [self._case(case) for case in self.definition.cases]
        axes = {key: [self.default(key), *self._others(key)] for key in self.keys}
        return [self.configuration(dict(zip(axes, point, strict=True))) for point in itertools.product(*axes.values())]

    def configuration(self, values: Mapping[str, Any]) -> Configuration:
        """The point at some values of the sweep's keys."""
        changes = {key: value for key, value in values.items() if not _same(value, self.default(key))}
        label = ", ".join(f"{self._short(key)}={_shown(value)}" for key, value in changes.items()) or DEFAULT
        return Configuration(label, dict(values), changes)

    def trials(self) -> list[Trial]:
        """All trials of a grid or of cases, seed after seed; of a search the default one.

        Raises:
            UserError: a key of the sweep is no parameter.
        """
        points = self.configurations()
        pairs = [(point, seed) for seed in self.seeds for point in points]
        return [self.trial(number, point, seed) for number, (point, seed) in enumerate(pairs)]

    def trial(self, number: int, point: Configuration, seed: int) -> Trial:
        """A trial; its steps before the sweep's first are the parameter file's own, so that all trials share them."""
        first, shared = self.definition.first, self.params.base.seed
        pretrain = self._trained("pretrain", point) if first == "pretrain" else {}
        finetune = self._trained("finetune", point) if self.trains else {}
        frames = {"track.frames": self.definition.frames} if self.definition.frames else {}
        recipe = Recipe(
            label=f"{self.name}: {point.label}",
            raw=self.raw,
            pretrain=pretrain if point.pretrain else None,
            finetune=finetune if point.finetune and self.definition.finetune else None,
            track={**frames, **point.changes},
            seed=seed,
            shared_seed=seed if first == "pretrain" else shared,
        )
        return Trial(number, point, seed, recipe)

    def default(self, key: str) -> Any:
        """The parameter file's own value.

        Raises:
            UserError: the key is no parameter.
        """
        try:
            return functools.reduce(lambda place, part: place[part], key.split("."), self.raw)
        except (KeyError, TypeError):
            overridden(self.raw, {key: None}, f"sweep {self.name}")  # says what is there instead
            raise

    def probes(self) -> Iterator[Recipe]:
        """Recipes that show whether every value can be used: each trial of a grid, each end of a search's ranges.

        Raises:
            UserError: a key is no parameter or changes nothing from the sweep's first step on, or a default is not among the values tried.
        """
        trials = self.trials()
        for key in {key: None for trial in trials for key in (*trial.configuration.changes, *self._searched)}:
            if STEPS.index(first_step([key])) < STEPS.index(self.definition.first):
                raise UserError(
                    f"sweep {self.name}: {key} changes nothing in a trial that begins with {self.definition.first}\n"
                    f"next: let the sweep's first step be {first_step([key])}"
                )
        yield from (trial.recipe for trial in trials)
        for key in self._searched:
            for value in self.extremes(key):
                yield self.trial(0, self.configuration({key: value}), self.seeds[0]).recipe

    def extremes(self, key: str) -> list[Any]:
        """The choices of a searched key, or the least and the largest value of its range, whole for a whole parameter.

        Raises:
            UserError: the parameter's own value is not among them (trial 0 is the default configuration), or is no number.
        """
        domain, default, where = self._searched[key], self.default(key), f"sweep {self.name}: {key}"
        if domain.choices is not None:
            if not any(_same(value, default) for value in domain.choices):
                raise UserError(f"{where}: the parameter file's {default!r} is none of {domain.choices}\nnext: add it in sweeps.yaml")
            return domain.choices
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise UserError(f"{where}: its value {default!r} is no number, so it has no range\nnext: give it choices")
        low, high = domain.low or 0.0, domain.high or 0.0
        if not low <= default <= high:
            raise UserError(f"{where}: the parameter file's {default} lies outside {low} to {high}\nnext: widen the range in sweeps.yaml")
        return [int(low), int(high)] if isinstance(default, int) else [float(low), float(high)]

    def fingerprint(self, root: Path) -> str:
        """Digest of what the sweep tries: equal for the same configurations on the same data, so that more seeds or trials continue it."""
        data = {name: digest for name in SETTLED if (digest := content_digest(root / name)) is not None}
        default = self.trial(0, Configuration(DEFAULT, {}, {}), self.params.base.seed).recipe
        return parameters.digest(self.name, self.metric, self.definition, default.digest(), data)

    @property
    def _searched(self) -> Mapping[str, Domain]:
        return self.definition.search or {}

    def _short(self, key: str) -> str:
        """The last word of a key, where it is enough."""
        last = key.rpartition(".")[2]
        return last if sum(other.rpartition(".")[2] == last for other in self.keys) < 2 else key

    def _others(self, key: str) -> list[Any]:
        if self.definition.grid is None:
            return []
        return [value for value in self.definition.grid[key] if not _same(value, self.default(key))]

    def _trained(self, section: Step, point: Configuration) -> Overrides:
        workers = {f"{section}.workers": self.params.sweep.workers}
        raw = overridden(self.raw, {**workers, **point.changes}, f"sweep {self.name}")
        return {**workers, **point.changes, **scaled(raw, section, self.params.sweep.budget)}

    def _case(self, case: Case) -> Configuration:
        return Configuration(case.label, {"case": case.label}, case.changes, case.pretrain, case.finetune)


def adhoc(name: str, known: Definition | None, grid: Mapping[str, list[Any]]) -> Definition:
    """The definition that a grid on the command line means: a known sweep with this grid, or a new one whose keys decide its first step.

    Raises:
        UserError: the definition cannot be used.
    """
    if known is not None:
        body = known.model_dump() | {"grid": dict(grid), "cases": None, "search": None, "trials": None}
    else:
        body = {"description": "Tried from the command line", "first": first_step(grid), "grid": dict(grid)}
    return parameters.validate(Definition, body, where="--grid", prefix=name)


def first_step(keys: Iterable[str]) -> Step:
    """The earliest step that any of these keys has an effect on, fine-tuning for what pretraining reads as well."""
    tracking = ("model.tracker.", "track.", "evaluate.")
    if any(key.startswith("pretrain.") for key in keys):
        return "pretrain"
    return "track" if all(key.startswith(tracking) for key in keys) else "finetune"


def _same(value: Any, default: Any) -> bool:
    """Equal, where true and 1 differ, and YAML's bare off is false."""
    return (value == default and isinstance(value, bool) == isinstance(default, bool)) or {repr(value), repr(default)} == {"'off'", "False"}


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
