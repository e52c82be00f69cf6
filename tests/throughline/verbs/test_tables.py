"""`throughline tables systems`, and what the verb refuses."""

from __future__ import annotations

import pytest

from tests.shared import ROOT
from tests.throughline.command import throughline


def test_systems_are_shown_side_by_side_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    page = ROOT / "docs" / "systems.md"
    before = page.stat().st_mtime_ns
    assert throughline("tables", "systems", "--show") == 0
    assert capsys.readouterr().out.startswith("# Systems side by side\n")
    assert page.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("outrack",), "tables outrack: no table is named"),
        (("outrack", "1", "--record"), "tables outrack: --record is of systems alone"),
    ],
)
def test_mistakes_are_named(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("tables", *words) == 2
    assert message in capsys.readouterr().err
