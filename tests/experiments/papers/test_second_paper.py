"""A second paper: a yaml and a page with columns and metrics of its own, in one ledger with the first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.papers import page, tables
from experiments.papers.rows import Rows
from experiments.trials.changes import changed_file
from experiments.trials.recipe import Recipe
from tests.experiments import fake
from tests.shared import ROOT
from tests.throughline.command import throughline

TOY = """
source: A toy
metrics:
  AssA: {digits: 2}
  steps: {digits: 0, less_is_better: true}
methods:
  short: {finetune.warmup_steps: 3}
  long: {}
base: {pretrain.warmup_steps: 1}
tracking: {model.tracker.buffer_seconds: 1.0}
tables:
  4:
    title: Steps of warm-up
    columns: [AssA]
    ours: [steps]
    rows:
      - {label: short, paper: [55.25], method: short, start: own}
      - {label: long, paper: [50.5], method: long, start: own, tracking: {model.tracker.buffer_seconds: 3.0}}
    claims:
      - {metric: AssA, better: short, than: long}
      - {metric: steps, better: short, than: long}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with the first paper, the toy and pages of both, in which every trial of the toy has been run."""
    made = fake.repository(tmp_path)
    for folder in (tables.FOLDER, page.PAGES):
        (made / folder).mkdir(parents=True)
        for path in (ROOT / folder).glob("outrack.*"):
            shutil.copy(path, made / folder)
    shutil.copy(ROOT / "presets" / "walkers.yaml", made / "params.yaml")
    shutil.copy(ROOT / "docs" / "tables.json", made / "docs" / "tables.json")
    (made / tables.FOLDER / "toy.yaml").write_text(TOY)
    (made / page.PAGES / "toy.md").write_text("# Toy\n\n<!-- walkers: generated -->\n<!-- walkers: end -->\n")
    return made


def rows(root: Path) -> Rows:
    return Rows(*changed_file(root / "params.yaml", ()), tables.load("toy", root), root)


def outcome(recipe: Recipe, root: Path) -> dict[str, float]:
    """The more steps, the less is associated."""
    params, options = recipe.parameters("track")
    steps = recipe.parameters("finetune")[0].finetune.warmup_steps
    assert options.model_dump()["tracker"]["buffer_seconds"] == (1.0 if steps == 3 else 3.0), "changes of tracking alone"
    return {"AssA": 60.0 - steps + params.base.seed / 1000, "steps": float(steps)}


def contents(root: Path) -> dict[Path, bytes]:
    """All files but the memory of digests, which keeps what is two seconds old."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".throughline" not in path.parts}


def test_its_page_has_its_own_columns_and_the_first_papers_records_and_page_stay(root: Path) -> None:
    before, made = rows(root).ledger.records, rows(root)
    made.enter([4], replace(fake.MACHINERY, outcome=outcome))
    made.ledger.save()
    page.write(made, "toy", [4], ["sweep.workers=1"], root)
    written = (root / page.PAGES / "toy.md").read_text()
    assert "`throughline tables toy all --set sweep.workers=1`" in written
    assert "| | | AssA | steps |\n" in written
    assert "| short | paper | 55.25 | – |\n| | ours, n = 1 | **57.32** | **3** |" in written
    assert "Of the paper's 2 orders: 2 not shown." in written
    assert [record for record in rows(root).ledger.records if record in before] == before
    assert len(rows(root).ledger.records) == len(before) + 2
    assert (root / page.PAGES / "outrack.md").read_bytes() == (ROOT / page.PAGES / "outrack.md").read_bytes()


def test_show_prints_what_the_ledger_has_and_writes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("throughline.verbs.tables.PARAMS", root / "params.yaml")
    made = rows(root)
    made.enter([4], replace(fake.MACHINERY, outcome=outcome))
    made.ledger.save()
    before = contents(root)
    words = ("tables", "toy", "all", "--params", str(root / "params.yaml"))
    assert throughline(*words, "--show") == 0
    assert "### Table 4: Steps of warm-up" in capsys.readouterr().out
    assert contents(root) == before
    assert throughline(*words, "--page") == 0
    assert {path.name for path, content in contents(root).items() if before.get(path) != content} == {"toy.md"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fairest", "1"), "there are no tables of fairest; there are those of outrack, toy"),
        (("toy", "1"), "there is no table 1; there are 4, and all"),
        (("toy", "4", "--set", "sweep.seed=2"), "sweep.seed is no parameter; sweep has metric, seeds"),
    ],
)
def test_mistakes_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    monkeypatch.setattr("throughline.verbs.tables.PARAMS", root / "params.yaml")
    assert throughline("tables", *words, "--params", str(root / "params.yaml")) == 2
    assert message in capsys.readouterr().err
