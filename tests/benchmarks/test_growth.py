"""The stages whose growth is timed do their work on the sequence that is made for it."""

from __future__ import annotations

from pathlib import Path

from benchmarks import growth
from pipeline.files.depths import depth_facts
from pipeline.files.frames import frame_facts, read_frames


def test_the_sequence_is_there_as_video_images_frames_and_depth(tmp_path: Path) -> None:
    growth.prepare(tmp_path, 12)
    assert len(list((tmp_path / "images/a/img1").iterdir())) == 12
    assert frame_facts(tmp_path / "frames" / growth.NAME)["summary"]["objects"] == 2 * 12
    assert all(len(row.objects) == 2 for row in read_frames(tmp_path / "frames" / growth.NAME))
    found = depth_facts(tmp_path / "depth" / growth.NAME)
    assert (found["frames"], found["people"], found["planes"]) == (12, 2 * 12, 1)


def test_a_line_a_stage() -> None:
    found = list(growth.measure((4, 8)))
    names = ["extraction, video", "extraction, images", "depth labelling, ground plane", "packing"]
    assert [item.what for item in found] == names
    assert all(item.unit == "frames" and tuple(item.sizes) == (4, 8) for item in found)
