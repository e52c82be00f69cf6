"""A new store is made once, however many processes come for it together."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import mlflow
import pytest

from pipeline.params.sections.common import Mlflow
from pipeline.registry import experiment

SETTINGS = Mlflow(tracking_uri="sqlite:///new.db", experiment="demo", system_metrics=False)
PROCESSES = 6


def choose(root: Path) -> None:
    experiment.choose(SETTINGS, root)


@pytest.mark.slow
def test_six_processes_open_one_new_store(tmp_path: Path) -> None:
    root = tmp_path / 'it\'s a "new" :one'  # MLflow writes it into SQL unquoted
    root.mkdir()
    forks = multiprocessing.get_context("fork")  # MLflow is imported once
    processes = [forks.Process(target=choose, args=(root,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    made = mlflow.MlflowClient(f"sqlite:///{root}/new.db").search_experiments()
    assert sorted(each.name for each in made) == ["Default", "demo"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "= 'plain'"),
        ('say "hi"', "= 'say \"hi\"'"),
        ("it's mine", '= "it\'s mine"'),
        ('it\'s "mine"', 'LIKE "it\'s _mine_"'),  # MLflow's grammar has no way to write both
    ],
)
def test_conditions_are_quoted_by_what_they_hold(value: str, expected: str) -> None:
    assert experiment.condition(value) == expected
