"""Generated tables: the paper's line above ours, the spread of seeds, and honest verdicts."""

import pytest

from experiments.papers.ledger import Found, Record
from experiments.papers.markdown import Measured, insert, markdown
from experiments.papers.tables import Claim, Metric, Row, Table
from pipeline.errors import UserError

METRICS = {"IDF1": Metric(digits=1), "IDSW": Metric(digits=0, less_is_better=True), "R1": Metric(digits=1)}
TABLE = Table(
    title="Objectives",
    columns=["IDF1", "IDSW"],
    ours=["R1"],
    rows=[
        Row(label="none", paper=[61.0, 1098.0], method="none"),
        Row(label="utrack", paper=[71.8, 503.0], method="utrack"),
        Row(label="gsm", paper="not converged"),
    ],
    claims=[
        Claim(metric="IDF1", better="utrack", than="none"),
        Claim(metric="IDSW", better="utrack", than="none"),
        Claim(metric="IDF1", better="utrack", than="gsm"),
    ],
)


def measured(*values: tuple[float, float], fresh: bool = True) -> Measured:
    made = [Record("walkers", "row", seed, "s", "f", "c", {"IDF1": idf1, "IDSW": idsw}) for seed, (idf1, idsw) in enumerate(values)]
    return Measured([Found(record, fresh) for record in made])


def test_rows_show_the_paper_and_ours_with_spread() -> None:
    text = markdown(3, TABLE, METRICS, {"none": measured((60, 30), (64, 34)), "utrack": measured((70, 40)), "gsm": Measured([])})
    assert "### Table 3: Objectives" in text
    assert "| none | paper | 61.0 | 1098 | – |\n| | ours, n = 2 | **62.0** ± 2.8 | **32** ± 3 | – |" in text
    assert "| utrack | paper | 71.8 | 503 | – |\n| | ours, n = 1 | **70.0** | **40** | – |" in text
    assert "| gsm | paper | not converged | not converged | – |\n| | not implemented | – | – | – |" in text


def test_verdicts_know_which_metric_falls_and_what_is_within_the_spread() -> None:
    text = markdown(
        3, TABLE, METRICS, {"none": measured((60, 30), (64, 34)), "utrack": measured((70, 34), (70, 33)), "gsm": Measured([None])}
    )
    assert "Of the paper's 3 orders: 1 shown, 1 not shown, 1 not measured." in text
    assert "- IDF1: utrack better than none: shown (**70.0** ± 0.0 against **62.0** ± 2.8)." in text
    assert "- IDSW: utrack better than none: not shown (**34** ± 1 against **32** ± 3, within the spread of seeds)." in text
    assert "- IDF1: utrack better than gsm: not measured." in text
    text = markdown(3, TABLE, METRICS, {"none": measured((60, 30)), "utrack": measured((70, 34), (70, 33)), "gsm": Measured([None])})
    assert "not shown (**70.0** ± 0.0 against **60.0**, one seed)." in text
    text = markdown(
        3, TABLE, METRICS, {"none": measured((60, 20), (60, 21)), "utrack": measured((50, 34), (51, 33)), "gsm": Measured([None])}
    )
    assert "Of the paper's 3 orders: 2 reversed, 1 not measured." in text
    assert "- IDSW: utrack better than none: **reversed** (**34** ± 1 against **20** ± 1)." in text


def test_stale_rows_say_so() -> None:
    text = markdown(1, TABLE, METRICS, {"none": measured((60, 30), fresh=False), "utrack": measured((70, 40)), "gsm": Measured([])})
    assert "| | ours†, n = 1 |" in text
    assert "† measured before a change" in text


def test_only_what_stands_between_the_markers_changes() -> None:
    page = "above\n<!-- walkers: generated -->\nold\n<!-- walkers: end -->\nbelow"
    assert insert(page, "walkers", "new \\1") == "above\n<!-- walkers: generated -->\nnew \\1\n<!-- walkers: end -->\nbelow"
    with pytest.raises(UserError, match="no markers for pets"):
        insert(page, "pets", "new")
