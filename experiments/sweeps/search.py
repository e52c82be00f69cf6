"""Where a search looks next: Optuna through Ray Tune, which a restart continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.sweeps.plan import Plan

Values = Mapping[str, Any]  # of the search's keys


def searcher(plan: Plan, left: Sequence[int], begun: Mapping[int, Values], done: Sequence[tuple[Values, float]]) -> Any:
    """Optuna's TPE, told of the trials that are done; it begins with the default configuration and those that were interrupted.

    Args:
        plan: of the search.
        left: numbers of the trials to run.
        begun: values of those among them that an earlier driver began.
        done: values and score of the trials that need no run.
    """
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    waiting = {number: dict(values) for number, values in begun.items()}
    if 0 in left:
        waiting.setdefault(0, {key: plan.default(key) for key in plan.keys})
    numbers = [*sorted(waiting), *(number for number in left if number not in waiting)]

    class NumberedSearch(OptunaSearch):
        """Tells each trial its number."""

        def suggest(self, trial_id: str) -> dict[str, Any]:
            return {"values": super().suggest(trial_id), "number": numbers.pop(0)}

    search = NumberedSearch(
        {key: _distribution(plan, key) for key in plan.keys},
        metric="score",
        mode="max",
        points_to_evaluate=[waiting[number] for number in sorted(waiting)],
        seed=plan.params.base.seed + len(done),  # a successor does not draw its predecessor's first trials again
    )
    for values, score in done:
        search.add_evaluated_point(dict(values), score)
    return search


def _distribution(plan: Plan, key: str) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    domain, ends = (plan.definition.search or {})[key], plan.extremes(key)
    if domain.choices is not None:
        return CategoricalDistribution(ends)
    low, high = ends
    if isinstance(low, int):
        return IntDistribution(low, high, log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(low, high, log=domain.log, step=domain.step)
