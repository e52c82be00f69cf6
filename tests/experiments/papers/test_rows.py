"""What is missing of a paper's tables is run once, kept in the ledger, and shown beside the paper's numbers on its page."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.papers import page as pages
from experiments.papers import tables
from experiments.papers.rows import Rows, run_missing
from experiments.trials import steps
from pipeline.errors import UserError
from tests.experiments import fake
from tests.shared import ROOT
from tests.stages.test_label_depth import RecordedRun

PAGE = Path("docs") / "papers" / "outrack.md"
DEFINED = tables.load("outrack", ROOT)


def repository(folder: Path) -> Path:
    root = fake.repository(folder)
    (root / "docs" / "papers").mkdir(parents=True)
    shutil.copy(ROOT / PAGE, root / PAGE)
    return root


def rows(root: Path, **changes: Any) -> Rows:
    plan = fake.plan(fake.TRACKER, "tables", **({"sweep__seeds": [317, 318], "sweep__workers": 1} | changes))
    return Rows(dict(plan.raw), plan.params, DEFINED, root)


def worked(root: Path) -> Counter[str]:
    path = root / "work.txt"
    return Counter(path.read_text().splitlines() if path.is_file() else [])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, ray_local: None) -> Path:
    """Tables 2 and 4, which share a row, run with two seeds by trials that cost nothing; all but two ended under an earlier driver."""
    root = repository(tmp_path_factory.mktemp("tables"))
    made = rows(root)
    for recipe in made.missing([2, 4])[:-2]:
        fake.realise(recipe, root, RecordedRun())
    outcomes = run_missing(made, [2, 4], fake.MACHINERY)
    assert [outcome.status for outcome in outcomes] == ["finished"] * 2
    pages.write(made, "outrack", [2, 4], ["sweep.workers=1"], root)
    return root


def test_a_row_that_tables_share_runs_once_a_seed(finished: Path) -> None:
    assert sum(worked(finished).values()) == 10, "three rows and two further ones, two seeds each"
    records = json.loads((finished / "docs" / "tables.json").read_text())
    assert len(records) == 10
    assert {(item["data"], item["commit"]) for item in records} == {("walkers", "unknown")}
    assert {item["seed"] for item in records} == {317, 318}


def test_nothing_is_run_twice(finished: Path) -> None:
    made = rows(finished)
    before = worked(finished)
    assert run_missing(made, [2, 4], fake.MACHINERY) == []
    assert worked(finished) == before
    assert [recipe.seed for recipe in rows(finished, sweep__seeds=3).missing([2])] == [319, 319, 319], "only the new seed's"


def test_the_page_has_the_tables_that_were_measured_for_this_data_set_alone(finished: Path) -> None:
    page = (finished / PAGE).read_text()
    assert page.count("### Table 2: Terms of the ReID loss") == page.count("### Table 4: Placeholder") == 1
    assert "### Table 3" not in page, "it shares the default row, but has others"
    assert "`throughline tables outrack 2 4 --set sweep.workers=1`" in page
    assert "### Table 8" not in page
    assert "seeds 317, 318" in page
    assert page.index("## walkers") < page.index("### Table 2") < page.index("## PETS09-S2L1")
    assert page.split("## PETS")[1] == (ROOT / PAGE).read_text().split("## PETS")[1], "another data set's stays"


def test_seeds_that_only_some_rows_have_are_shown_where_they_are(finished: Path) -> None:
    asked = rows(finished, sweep__seeds=[317])
    assert asked.text(2).count("ours, n = 2") == 3, "the ledger has 318 as well"
    assert "ours, n = 3" not in rows(finished, sweep__seeds=[317, 319]).text(2)


def test_a_change_of_code_makes_rows_stale(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "code_of", lambda stage, params: "new")
    made = rows(finished)
    assert len(made.missing([4])) == 6
    assert "† measured before a change" in made.text(4)


def test_unknown_tables_are_named() -> None:
    assert pages.numbers(["3", "all"], DEFINED) == list(range(1, 11))
    assert pages.numbers(["7", "2"], DEFINED) == [7, 2]
    with pytest.raises(UserError, match="there is no table 11; there are 1, 2, 3"):
        pages.numbers(["11"], DEFINED)
