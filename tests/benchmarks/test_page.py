"""The generated part of docs/performance.md, and the file that it comes from."""

from __future__ import annotations

from pathlib import Path

from benchmarks import page, results
from benchmarks.harness import Growth, Timed

TIMED = Timed("step", "frame", 0.002, {"peer": 0.009, "other": 1.5}, limit=0.001, aim=4.0)
SLOW = Timed("slow step", "pair", 0.01, {"peer": 0.02}, aim=4.0)
GROWTH = Growth("step", "objects", (10, 1000), (1e-5, 1e-3))


def test_a_row_a_peer_with_ratio_aim_and_share() -> None:
    text = page.markdown([results.entry("one", item) for item in (TIMED, SLOW, GROWTH)])
    assert "| step | 2 ms a frame | peer | 9 ms | 4.5 | 4 ✓ | 1 ms | 50% |" in text
    assert "|  |  | other | 1.5 s | 750 |  |  |  |" in text
    assert "| slow step | 10 ms a pair | peer | 20 ms | 2 | 4 ✗ |  |  |" in text
    assert "| step | 10, 1000 objects | 10 µs, 1 ms | 1.00 |" in text


def test_a_run_of_one_step_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.save(["one", "two"], [results.entry("one", TIMED), results.entry("two", SLOW)], file)
    results.save(["two"], [results.entry("two", GROWTH)], file)
    assert [(item["step"], item["what"], "sizes" in item) for item in results.load(file)] == [("one", "step", False), ("two", "step", True)]


def test_the_committed_page_is_what_the_results_give() -> None:
    text = page.PAGE.read_text()
    known = results.load()
    assert not known or page.markdown(known) in text


def test_the_picture_has_a_line_a_growth_and_follows_from_them(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("<!-- benchmarks: generated -->\n<!-- benchmarks: end -->\n")
    page.write([results.entry("one", GROWTH)], tmp_path / "page.md")
    first = (tmp_path / "growth.svg").read_text()
    page.write([results.entry("one", GROWTH)], tmp_path / "page.md")
    assert (tmp_path / "growth.svg").read_text() == first
    assert ">step, objects: 1.00<" in first
    assert "![Time over size](growth.svg)" in (tmp_path / "page.md").read_text()
