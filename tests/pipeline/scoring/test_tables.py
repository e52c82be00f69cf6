"""Scores as JSON, CSV and text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pipeline.scoring import tables
from pipeline.scoring.detection import DetectionMetrics
from pipeline.scoring.network import NetworkScores, PartScores
from pipeline.scoring.reid import Retrieval
from pipeline.scoring.tracking import TrackingMetrics, TrackingScores

METRICS = TrackingMetrics(*(12.345678 + index for index in range(9)), *range(10))  # type: ignore[arg-type]
SCORES = TrackingScores(METRICS, {"MOT17-02-FRCNN": METRICS, "a (b)": METRICS})


def test_document_holds_what_was_measured(tmp_path: Path) -> None:
    speed = {"frames_per_second": 3.14159265, "sequences": {"a": {"frames_per_second": 3.0}}}
    network = NetworkScores(Retrieval(90, 60, 1, 2, 3), DetectionMetrics(80, 90, 4, 5), None, None)
    found = tables.document(SCORES, "MOT17", network, speed)
    tables.write_metrics(tmp_path / "metrics.json", found)
    read = json.loads((tmp_path / "metrics.json").read_text())
    assert list(read) == ["benchmark", "combined", "sequences", "reid", "detection", "speed"]
    assert read["combined"]["HOTA"] == 12.3457
    assert read["sequences"]["MOT17-02-FRCNN"]["IDSW"] == 0
    assert read["reid"]["R1"] == 90
    assert read["detection"]["AP50"] == 80
    assert read["speed"]["frames_per_second"] == 3.1416
    told = tables.document(
        SCORES, "MOT17", network._replace(reid=None, hidden=Retrieval(50, 40, 1, 2, 3), parts=PartScores(0.25, 4, None, 0))
    )
    assert list(told) == ["benchmark", "combined", "sequences", "detection", "reid_hidden", "parts"]
    assert told["parts"] == {"overlap": 0.25, "boxes": 4, "half_seen": 0}
    assert list(tables.document(SCORES, "none")) == ["benchmark", "combined", "sequences"]


def test_flat_names_suit_mlflow() -> None:
    flat = tables.flat(tables.document(SCORES, "MOT17"))
    assert flat["combined.HOTA"] == 12.3457
    assert flat["sequences.MOT17-02-FRCNN.FP"] == 1.0
    assert "sequences.a _b_.FP" in flat
    assert "benchmark" not in flat


def test_per_sequence_has_combined_last(tmp_path: Path) -> None:
    tables.write_per_sequence(tmp_path / "x.csv", SCORES)
    rows = list(csv.DictReader((tmp_path / "x.csv").open()))
    assert [row["sequence"] for row in rows] == ["MOT17-02-FRCNN", "a (b)", "COMBINED"]
    assert rows[0]["HOTA"] == "12.3457"


def test_a_narrow_terminal_keeps_every_figure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    tables.print_table(SCORES, "MOT17 rules")
    printed = capsys.readouterr().out
    assert "MOT17-02-FRCNN" in printed
    assert "COMBINED" in printed
    assert "…" not in printed
    assert "12.35" in printed
