"""Every figure in README.md has an entry in docs/figures.json, and an entry says what a figure is of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.registry.trace import Trace
from tests.shared import ROOT
from throughline.figures import Figure, Figures, of_source

PAGE = (
    "Start with Python 3.11.\n\nThe default gives MOTA 86.3 and HOTA\n71.0 in 6 min; `model.lr=0.5` and [a page](docs/v1.2.md) are none.\n"
)
MADE = Trace("x", {"commit": "c0ffee"}, {"params.yaml": "p"}, {"frames": "d"}, {"track": "k"}, {"cpu": "EPYC"})


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "figures.json").write_text(json.dumps({"constants": ["Python 3.11"], "figures": []}))
    (tmp_path / "README.md").write_text(PAGE)
    return Figures(tmp_path)


def test_every_figure_of_the_readme_is_in_the_ledger() -> None:
    figures = Figures(ROOT)
    assert figures.untold("README.md") == []
    assert figures.stale() == []
    for item in figures.entries:
        trace = item.trace
        assert trace.facts["command"], item.text
        assert trace.facts["commit"], item.text
        assert all((trace.parameters, trace.data, trace.code, trace.machine)), item.text


def test_a_figure_without_an_entry_is_found_by_its_line(figures: Figures) -> None:
    assert figures.untold("README.md") == ["README.md:3: 86.3", "README.md:4: 71.0", "README.md:4: 6 min"]
    figures.add(Figure("README.md", "MOTA 86.3 and HOTA 71.0", MADE))
    assert figures.untold("README.md") == ["README.md:4: 6 min"], "words may break over lines"
    assert [item.text for item in figures.at("README.md", 4)] == ["MOTA 86.3 and HOTA 71.0"]
    assert figures.at("README.md", 1) == []


def test_a_figure_that_changes_on_its_page_leaves_its_entry_stale(figures: Figures) -> None:
    figures.add(Figure("README.md", "MOTA 86.3", MADE))
    assert figures.stale() == []
    (figures.root / "README.md").write_text(PAGE.replace("86.3", "86.4"))
    again = Figures(figures.root)
    assert again.stale() == ["README.md: MOTA 86.3"]
    assert "README.md:3: 86.4" in again.untold("README.md")
    assert again.entries == figures.entries, "written as it was"


def test_what_is_entered_must_be_on_the_page_and_known_in_every_part(figures: Figures) -> None:
    with pytest.raises(UserError, match="does not say 'MOTA 99.9'"):
        figures.add(Figure("README.md", "MOTA 99.9", MADE))
    with pytest.raises(UserError, match="machine were not recorded"):
        of_source([Trace("x", {"commit": "c"}, {"params.yaml": "p"}, {"frames": "d"}, {"track": "k"})], "README.md", "6 min", "make repro")
    other = Trace("y", {"commit": "c0ffee", "seed": "318"}, {"params.yaml": "q"}, {"frames": "d"}, {"track": "k"}, {"cpu": "EPYC"})
    entry = of_source([replace(MADE, facts={"commit": "c0ffee", "seed": "317"}), other], "README.md", "6 min", "make repro").trace
    assert entry.facts == {"command": "make repro", "commit": "c0ffee", "seed": "317, 318"}, "of several seeds one entry names each"
    assert (entry.parameters, entry.data, entry.machine) == ({"params.yaml": "p, q"}, {"frames": "d"}, {"cpu": "EPYC"})
