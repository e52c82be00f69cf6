"""The ledger and the page that is written from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.papers.ledger import Record
from experiments.represent import ledger, page, paper
from experiments.represent.board import COLUMNS, Board
from experiments.represent.claims import verdict
from experiments.represent.paper import Claim
from experiments.represent.representations import Entry, read_entries
from experiments.represent.run import Result
from experiments.represent.tasks import TASKS
from tests.shared import ROOT

NETWORK = {"network": "resnet18", "layer": "layer3"}


def _entry(weights: str, starts: int = 1, **facts: float) -> Entry:
    return Entry.model_validate({"network": NETWORK, "weights": weights, "starts": starts, "facts": facts})


ENTRIES = {
    "trained": _entry("a.pth", top1=75.0),
    "start": _entry("random", 3, top1=0.1),
    "other": _entry("b.pth", top1=50.0),
    "once": _entry("random"),
}


def _result(name: str, start: int, value: float, task: str = "mot", row: str = "RSM") -> Result:
    scores = {row: {"IDF1": value, "HOTA": value / 2, "AP": float("nan")}}
    return Result(name, start, task, "people", "c0ffee", 2, scores, "w", "code", f"{name}{start}{task}{value}")


def _records(*results: Result) -> list[Record]:
    return [ledger._record(result, "p", "abc") for result in results]


STARTS = [_result("start", number, value) for number, value in enumerate((70.0, 80.0, 90.0))]


def test_the_page_of_the_repository_is_what_its_ledger_says() -> None:
    """So nothing on it is typed."""
    entries = read_entries(ROOT / "experiments" / "represent" / "representations.yaml")
    assert (ROOT / page.PAGE).read_text() == page.text(ledger.read(ROOT), entries, ROOT)


def test_the_papers_tables_name_tasks_rows_and_metrics_that_there_are() -> None:
    """As unitrack.yaml says them; what an entry of the first table is, is in `COLUMNS`."""
    found = paper.load(ROOT)
    assert list(found.tables) == ["1", "2", "3a", "3b", "3c", "3d", "3e", "4", "5", "6", "7", "8", "9"]
    assert found.tables["3e"].rows["UniTrack_ImageNet_DCF"] == [61.8]
    assert found.tables["4"].rows["RSM"][:3] == [28.1, 805, 25.4]
    assert found.tables["1"].columns == [column.name for column in COLUMNS[:9]]
    for table in found.tables.values():
        if table.task is not None:
            assert set(table.metrics) <= set(TASKS[table.task].columns)
    entries = read_entries(ROOT / "experiments" / "represent" / "representations.yaml")
    for claim in found.claims:
        assert claim.metric in TASKS[claim.task].columns
        assert {claim.better[0], claim.than[0]} <= set(entries)


def test_scores_are_entered_once_and_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/throughline", "represent", "start"])
    ledger.enter(STARTS, "parameters", tmp_path)
    first = (tmp_path / ledger.PATH).read_text()
    assert [item["seed"] for item in json.loads(first)] == [0, 1, 2]
    assert json.loads(first)[0]["metrics"] == {"mot/RSM/HOTA": 35.0, "mot/RSM/IDF1": 70.0}  # AP was not known
    made = json.loads(first)[0]["made"]
    assert made["command"] == {"line": "throughline represent start"}
    assert made["data"] == {"people": "c0ffee"}
    assert made["machine"]["cores"]
    monkeypatch.setattr("sys.argv", ["another command"])
    ledger.enter(STARTS, "parameters", tmp_path)
    assert (tmp_path / ledger.PATH).read_text() == first
    ledger.enter([_result("start", 0, 71.0)], "parameters", tmp_path)
    assert [record.metrics["mot/RSM/IDF1"] for record in ledger.read(tmp_path)] == [71.0, 80.0, 90.0]


def test_random_starts_are_a_mean_with_a_range_and_the_best_is_bold() -> None:
    records = _records(*STARTS, _result("trained", 0, 95.0), _result("other", 0, 85.0), _result("gone", 0, 99.0))
    text = page.text(records, ENTRIES, ROOT)
    assert "| start | – | – | – | 80.0 [70.0, 90.0] | 40.0 [35.0, 45.0] |" in text
    assert "| trained | – | – | – | **95.0** | **47.5** |" in text
    assert "gone" not in text
    assert "| start | – | – | 3 | – | – | – | – |" in text
    assert "| top1 | – (n = 0) | – (n = 0) | 0.93 / 1.00 (n = 3) |" in text
    assert "| trained | RSM | 95.0 | – | 47.5 | – |" in text  # beside Table 4
    assert "Ours: MOT20" not in text.split("### Table 4")[0]
    assert "### Table 5" in text
    drawn = page.picture(Board(records, ENTRIES))
    assert all(f">{name}</text>" in drawn for name in ("trained", "start", "other", *page.CORNERS.values()))


@pytest.mark.parametrize(
    ("better", "than", "by", "words"),
    [
        ("trained", "start", 0.0, "holds (95.0 to 80.0 [70.0, 90.0])"),
        ("trained", "start", 20.0, "holds, but by 15.0 alone"),
        ("other", "start", 0.0, "**not shown**, within the spread of starts"),  # 85 lies within 70 to 90
        ("start", "other", 0.0, "**not shown**, within the spread of starts"),
        ("other", "trained", 0.0, "does **not** hold (85.0 to 95.0)"),
        ("trained", "trained", 0.0, "does **not** hold, they are equal"),
        ("trained", "once", 0.0, "holds (95.0 to 10.0, of one random start, whose spread is not known)"),
        ("trained", "absent", 0.0, "not measured"),
    ],
)
def test_an_order_within_the_spread_of_starts_is_not_shown(better: str, than: str, by: float, words: str) -> None:
    board = Board(_records(*STARTS, _result("trained", 0, 95.0), _result("other", 0, 85.0), _result("once", 0, 10.0)), ENTRIES)
    claim = Claim.model_validate({"task": "mot", "metric": "IDF1", "better": [better, "RSM"], "than": [than, "RSM"], "by": by})
    assert words in verdict(claim, board)
