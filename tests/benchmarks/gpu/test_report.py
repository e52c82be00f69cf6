"""The page holds what the committed numbers say, and its tables are made by hand-checked rules."""

from __future__ import annotations

import json

from benchmarks.gpu import cases, report

LAYER = {"operations": 2e9, "product_bytes": 3e6, "other_bytes": 1e6, "eager": 2e-3, "fused": 1e-3, "operators": 4}


def test_the_page_is_what_the_committed_numbers_say() -> None:
    measured = json.loads(report.RESULTS.read_text()) if report.RESULTS.exists() else None
    begin, end = (f"<!-- {report.NAME}: {word} -->" for word in ("generated", "end"))
    shown = report.PAGE.read_text().split(begin)[1].split(end)[0].strip()
    assert shown == report.section(measured), "python -m benchmarks.gpu.on_paper, or python -m benchmarks gpu --page, writes it"


def test_every_paper_preset_has_its_roofline() -> None:
    counted = json.loads(report.ON_PAPER.read_text())["presets"]
    assert [each["preset"] for each in counted] == [case.name for case in cases.cases()], "python -m benchmarks.gpu.on_paper counts them"


def test_layers_below_a_hundredth_share_a_row() -> None:
    small = LAYER | {"eager": 1e-5, "fused": 0.0}
    layers = [{"layer": name, "intensity": 667, "bounded": "arithmetic", **row} for name, row in (("a", small), ("b", LAYER), ("c", small))]
    total = {key: LAYER[key] + 2 * small[key] for key in LAYER}
    rows = [line.strip("| ").split(" | ") for line in report.roofline({"layers": layers, "total": total}).splitlines()[2:]]
    assert rows == [
        ["b", "2.0", "4", "667", "arithmetic", "1 ms", "2 ms"],
        ["2 smaller ones", "4.0", "8", "", "", "0 µs", "20 µs"],
        ["all", "6.0", "12", "", "", "1 ms", "2.02 ms"],
    ]
