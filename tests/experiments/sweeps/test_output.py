"""Tables and page of a sweep, from outcomes made by hand."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from experiments.sweeps import output
from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Outcome
from tests.experiments import fake
from tests.stages.test_report import Checker

BODY = {"description": "How hot", "first": "finetune", "grid": {"model.loss.temperature": ["adaptive", 1.0, 2.0]}}
SCORES = {("default", 317): 50.0, ("default", 318): 52.0, ("temperature=1", 317): 60.0, ("temperature=1", 318): 40.0}


def outcomes(plan: Plan) -> list[Outcome]:
    """The third configuration was stopped in one seed and failed in the other."""
    made = []
    for trial in plan.trials():
        score = SCORES.get((trial.configuration.label, trial.seed))
        if score is not None:
            made.append(Outcome(trial, "finished", {"HOTA": score, "IDSW": 3.0}, f"run{trial.number}"))
        elif trial.seed == 317:
            made.append(Outcome(trial, "stopped", {"HOTA": 99.0}, f"run{trial.number}"))
        else:
            made.append(Outcome(trial, "failed", run_id="run5", error="ValueError: <no>", log=Path("5.log")))
    return made


def test_means_and_spreads_are_over_finished_trials() -> None:
    first, second, third = output.points(outcomes(fake.plan(BODY, sweep__seeds=2)))
    assert (first.means, first.spreads) == ({"HOTA": 51.0, "IDSW": 3.0}, {"HOTA": pytest.approx(2**0.5), "IDSW": 0.0})
    assert second.means["HOTA"] == 50.0
    assert (third.means, third.spreads) == ({}, {})


def test_the_best_is_the_best_trial_of_the_best_mean() -> None:
    plan = fake.plan(BODY, sweep__seeds=2)
    chosen = output.best(plan, outcomes(plan))
    assert chosen is not None
    assert (chosen.trial.configuration.label, chosen.trial.seed) == ("default", 318)
    assert output.best(plan, outcomes(plan)[2:3]) is None


def test_the_terminal_shows_the_table_and_what_failed() -> None:
    plan, console = fake.plan(BODY, sweep__seeds=2), Console(file=io.StringIO(), width=120)
    output.show(plan, outcomes(plan), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "default (temperature=adaptive)" in text
    for part in ("51.00 ± 1.41", "3.0 ± 0.0", "0 of 2", "best HOTA: 52.00, trial 3: default", "trial 5 failed: temperature=2"):
        assert part in text
    assert "ValueError: <no>\n  log: 5.log" in text


def test_the_page_is_valid_and_stays_the_same() -> None:
    plan = fake.plan(BODY, sweep__seeds=2)
    page = output._page(plan, outcomes(plan))
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.headings == ["HOTA over what was changed", "Configurations", "Failures", "Trials"]
    assert "ValueError: &lt;no&gt; (5.log)" in page
    assert "51.00 ± 1.41" in page
    assert page == output._page(plan, outcomes(plan))


def test_the_page_of_a_search_shows_every_key() -> None:
    search = {fake.THRESHOLD: {"low": 0.1, "high": 0.9}, "model.tracker.refind": {"choices": ["paper", "off"]}}
    plan = fake.plan({"description": "s", "first": "track", "trials": 3, "search": search})
    values = [{fake.THRESHOLD: 0.4 + step / 10, "model.tracker.refind": word} for step, word in enumerate(["paper", "off", "paper"])]
    trials = [plan.trial(number, plan.configuration(point), 317) for number, point in enumerate(values)]
    page = output._page(plan, [Outcome(trial, "finished", {"HOTA": 50.0 + trial.number}, "r") for trial in trials])
    for part in (
        "the best so far",
        f"HOTA over {fake.THRESHOLD}; the dashed",
        "HOTA over model.tracker.refind; the dashed",
        "<td>0.60</td>",
    ):
        assert part in page


def test_the_terminal_says_how_many_rows_it_leaves_out_and_the_page_has_all() -> None:
    plan = fake.plan({"description": "s", "first": "track", "trials": 20, "search": {fake.THRESHOLD: {"low": 0.1, "high": 0.9}}})
    trials = [plan.trial(number, plan.configuration({fake.THRESHOLD: number / 100}), 317) for number in range(20)]
    outcomes = [Outcome(trial, "finished", {"HOTA": 50.0 + trial.number}, "r") for trial in trials]
    console = Console(file=io.StringIO(), width=120)
    output.show(plan, outcomes, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "7 of 20 rows are left out" in text
    assert sum(line.startswith("│") for line in text.splitlines()) == 13
    table = output._page(plan, outcomes).partition('id="trials"')[0]
    assert all(f"<td>{50 + number}.00</td>" in table for number in range(20))


def test_a_search_whose_first_trial_has_no_score_draws_no_default() -> None:
    plan = fake.plan({"description": "s", "first": "track", "trials": 3, "search": {fake.THRESHOLD: {"low": 0.1, "high": 0.9}}})
    trials = [plan.trial(number, plan.configuration({fake.THRESHOLD: (number + 1) / 10}), 317) for number in range(3)]
    scored = [Outcome(trial, "finished", {"HOTA": 50.0 + trial.number}, "r") for trial in trials]
    assert "the dashed line is the default" in output._page(plan, scored)
    assert "the dashed line is the default" not in output._page(plan, [Outcome(trials[0], "failed"), *scored[1:]])


def test_a_sweep_without_a_result_has_a_page_too() -> None:
    plan = fake.plan(BODY)
    page = output._page(plan, [Outcome(trial, "interrupted") for trial in plan.trials()])
    assert "interrupted" in page
    assert "<svg" not in page
