"""Whether a change of code left the tables' values as they were: a few stale rows are trained anew and compared."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.experiments import equivalence, steps, tuning
from pipeline.experiments.equivalence import Code, Equivalence
from pipeline.experiments.recipes import Recipe
from pipeline.experiments.rows import LEDGER, Rows, run
from pipeline.runs import git_state


def verify(rows: Rows, numbers: Sequence[int], machinery: tuning.Machinery) -> tuple[list[tuning.Outcome], list[str]]:
    """Train one stale row of each objective and style anew; where all give the metrics of before, the old code counts as equal to this.

    Returns:
        How those trials ended, and in what they differ from before, in words.

    Raises:
        UserError: no row is stale through code alone, or see `run_missing`.
    """
    old = _stale_by_code(rows, numbers)
    outcomes = run(rows, [recipe for recipe, _, _ in old], machinery)
    ended = {outcome.trial.recipe.digest(): outcome.metrics for outcome in outcomes}
    told = [f"{item.label}: {text}" for item, was, _ in old for text in equivalence.differing(was, ended.get(item.digest(), {}))]
    if not told:
        commit = git_state(rows.root)["throughline.git_commit"][:10]
        verified = [f"{recipe.label}, seed {recipe.seed}" for recipe, _, _ in old]
        rows.equivalences.add(Equivalence(equivalence.current(), old[0][2], verified, commit))
    rows.enter(numbers, machinery)
    return outcomes, told


def _stale_by_code(rows: Rows, numbers: Sequence[int]) -> list[tuple[Recipe, dict[str, float], Code]]:
    """A row of each objective and style that is stale through a change of code alone, the metrics it had, and that code."""
    stale = [(recipe, found.record) for recipe in rows.missing(numbers) if (found := rows.found(recipe)) is not None]
    states = {record.commit: equivalence.of_commit(record.commit, rows.root) for _, record in stale if not record.commit.endswith("+")}
    chosen: dict[tuple[str, str], tuple[Recipe, dict[str, float], Code]] = {}
    for recipe, record in sorted(stale, key=lambda pair: _covers_little(pair[0])):
        code = states.get(record.commit)
        if code is not None and steps.fingerprint(recipe, rows.root, code) == record.fingerprint:
            options = recipe.parameters("track")[1].model_dump()
            chosen.setdefault((options["loss"]["reid"], options["network"]["style"]), (recipe, record.metrics, code))
    if len({str(code) for _, _, code in chosen.values()}) != 1:
        raise UserError(
            f"{LEDGER}: {len(stale)} stale rows, of {len(states)} commits, none or several of which differ from this in code alone\n"
            "next: run the tables; what is stale is trained anew"
        )
    return list(chosen.values())


def _covers_little(recipe: Recipe) -> tuple[bool, bool]:
    """Sorts trials that do both trainings first, and of these the ones that learn re-identification in both."""
    return recipe.finetune is None, (recipe.pretrain or {}).get("pretrain.id_weight") == 0.0
