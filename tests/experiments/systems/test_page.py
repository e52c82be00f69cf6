"""docs/systems.md: what was run stands in its cell, what was not says how."""

from __future__ import annotations

from experiments.papers.ledger import Record
from experiments.systems import page
from experiments.systems.comparison import Comparison, load, run_of
from pipeline.params import file as parameters
from tests.shared import ROOT

COSINE = {"model.tracker.similarity": "cosine"}
BODY = {
    "seeds": [1, 2],
    "data": {"walkers": "drawn people", "pets": "a video"},
    "systems": [
        {"label": "QDTrack", "presets": {"walkers": "qdtrack_walkers", "pets": "qdtrack_pets"}},
        {"label": "FDTA", "presets": {"walkers": "fdta_walkers"}},
    ],
    "crossings": [
        {"detector": "regions", "embedding": "dense", "association": "cosine", "preset": "qdtrack_walkers", "changes": COSINE},
        {"detector": "regions", "embedding": "none", "association": "cosine", "impossible": "nothing is compared"},
        {"detector": "centres", "embedding": "dense", "association": "cosine", "missing": "no samples"},
    ],
}
COMPARED = parameters.validate(Comparison, BODY, where="test")


def record(seed: int, hota: float, changes: dict[str, str] | None = None) -> Record:
    setting = run_of("qdtrack_walkers", changes or {}, seed, ROOT).digest()
    metrics = {"HOTA": hota, "IDSW": 10.0 * seed, "parameters": 3.6e6, "frames/s": 25.4}
    return Record("walkers", "qdtrack", seed, setting, "f", "abc", metrics)


def lines(records: list[Record]) -> list[str]:
    return page.text(COMPARED, records, ROOT).splitlines()


def test_seeds_are_averaged_and_what_is_missing_is_a_dash() -> None:
    found = lines([record(1, 60.0), record(2, 62.0), record(3, 99.0)])
    assert "| QDTrack | 2 | **61.0** ± 1.4 | – | – | – | – | **15** ± 7 | – | – | **25** ± 0 | **3.60** | – | abc |" in found, (
        "seed 3 is not asked for"
    )
    assert next(line for line in found if line.startswith("| FDTA")).startswith("| FDTA | 0 | not run: `make repro PRESET=fdta_walkers` |")
    assert next(line for line in reversed(found) if line.startswith("| FDTA")).startswith("| FDTA | 0 | no preset of pets |")


def test_a_crossing_is_run_or_has_a_reason() -> None:
    before, after = lines([record(1, 60.0)]), lines([record(1, 58.5, COSINE)])
    assert "| regions | dense | cosine | not run: `make repro PRESET=qdtrack_walkers` with `model.tracker.similarity: cosine` |" in before
    assert "| regions | dense | cosine | n = 1: HOTA **58.5**, IDF1 –, MOTA –, IDSW **10** |" in after
    assert "| regions | none | cosine | impossible: nothing is compared |" in before
    assert "| centres | dense | cosine | not built: no samples |" in before


def test_the_page_in_the_repository_has_every_row_of_its_file() -> None:
    written, compared = (ROOT / page.PAGE).read_text(), load(ROOT)
    assert [data for data in compared.data if f"\n## {data}\n" not in written] == []
    assert [system.label for system in compared.systems if written.count(f"\n| {system.label} |") != len(compared.data)] == []
    rows = [f"| {item.detector} | {item.embedding} | {item.association} |" for item in compared.crossings]
    assert [row for row in rows if written.count(row) != 1] == [], "run `throughline tables systems`"
