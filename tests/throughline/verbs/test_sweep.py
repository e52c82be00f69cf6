"""The status that a sweep ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.sweeps.plan import Plan
from experiments.sweeps.tuning import Machinery, Outcome
from tests.experiments import fake
from tests.throughline.command import throughline


@pytest.mark.parametrize(
    ("statuses", "code"), [(["finished", "failed"], 1), (["finished", "interrupted"], 1), (["finished", "stopped"], 0)]
)
def test_the_exit_status_says_whether_all_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], statuses: list[str], code: int
) -> None:
    def pretend(plan: Plan, root: Path, machinery: Machinery = fake.MACHINERY) -> list[Outcome]:
        assert (plan.name, plan.params.sweep.seeds, plan.params.sweep.budget) == ("temperature", 3, 0.5), "options reach the plan"
        return [Outcome(trial, status) for trial, status in zip(plan.trials(), statuses, strict=False)]  # type: ignore[arg-type]

    monkeypatch.setattr("experiments.sweeps.run.sweep", pretend)
    assert throughline("sweep", "temperature", "--seeds", "3", "--set", "sweep.budget=0.5") == code
    told = "1 of 2 trials did not finish; the same command tries them again" in capsys.readouterr().err
    assert told == (code == 1)
