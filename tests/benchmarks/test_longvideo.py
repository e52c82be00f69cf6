"""What the memory benchmark runs on is a repository that every stage can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import longvideo, memory
from benchmarks.__main__ import lines
from benchmarks.harness import Footprint
from benchmarks.page import markdown
from benchmarks.results import entry
from pipeline.artifacts.publication import read_manifest
from pipeline.files import video
from pipeline.files.mot_text import read_rows
from pipeline.params import file as params


def test_the_sequence_is_as_long_as_wished(tmp_path: Path) -> None:
    found = params.load(longvideo.build(tmp_path, 300))
    folder = tmp_path / "in/long/video"
    facts = video.probe(folder / "video.mp4")
    assert (facts.frames, facts.width, facts.height, facts.frame_rate) == (300, 96, 64, 30)
    rows = read_rows(folder / "gt/gt.txt", kind="ground_truth")
    assert len(rows.frame) == 2 * (64 + 44)  # the first and the fifth walk
    assert set(rows.identity.tolist()) == {1, 2, 9, 10}
    assert found.pack_samples.videos == ["long"]
    assert read_manifest(tmp_path / "artifacts/finetune").stage == "finetune"


def test_memory_has_a_line_and_a_table() -> None:
    held = Footprint("memory, track", "frames", (10, 1000), (5 * 2**20, 2**30), 2**31)
    assert lines(held) == [f"{'memory, track':48} 5 MiB, 1,024 MiB at 10, 1000 frames, below 2,048 MiB"]
    assert "| memory, track | 10, 1000 frames | 5 MiB, 1,024 MiB | 2,048 MiB |" in markdown([entry("memory", held)])


@pytest.mark.slow
def test_every_stage_runs_and_is_measured() -> None:
    found = list(memory.measure((80, 160)))
    assert [item.what for item in found] == [f"memory, {stage}" for stage in memory.STAGES]
    assert all(2**26 < size < memory.BOUND for item in found for size in item.bytes)
