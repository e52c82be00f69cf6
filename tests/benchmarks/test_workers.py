"""Two workers are timed beside one, and the bare loop beside itself."""

from __future__ import annotations

from pathlib import Path

from benchmarks import workers


def touch(folder: Path, name: str) -> None:
    """Leave a trace of one half."""
    with (folder / name).open("a") as stream:
        stream.write("x")


def test_both_halves_are_done_together_and_in_turn(tmp_path: Path) -> None:
    ours, bare = workers.beside_one("step", 2, touch, touch, [(tmp_path, "a"), (tmp_path, "b")], (tmp_path / "after").touch)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == 4 * 6 * "x"  # four ways, five rounds and one to warm up
    assert (tmp_path / "after").exists()
    assert (ours.what, list(ours.peers), ours.aim) == ("step, two workers", ["one worker"], 1.8)
    assert (bare.what, list(bare.peers), bare.aim) == ("step, its bare loop twice", ["bare loop once"], None)
