from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources.defects import Defects
from pipeline.sources.folder import plan
from pipeline.sources.planned import PlannedSequence
from tests.pipeline.imitated import videos
from tests.pipeline.recorded import record, truncate, write_image


def planned(root: Path, strict: bool = True) -> list[PlannedSequence]:
    return plan(Source(name="set", kind="folder", root="", sequences=None, images_per_file=8), root, strict).sequences


def test_videos_and_images_at_any_depth(tmp_path: Path) -> None:
    found = planned(videos(tmp_path))
    assert [(item.name, item.frames, item.source, item.ground_truth) for item in found] == [
        ("night-gate", 3, "night/gate.avi", False),
        ("pictures", 2, "pictures", False),
        ("square", 4, "square.mp4", False),
    ]
    assert [frame.frame for frame in found[1].read(90, Defects(tmp_path, True))] == [1, 2]


def test_a_bare_video(tmp_path: Path) -> None:
    (found,) = planned(record(tmp_path / "square.mp4", 4))
    assert (found.name, found.frames, found.frame_rate, found.source) == ("square", 4, 25.0, "square.mp4")


def test_a_folder_of_numbered_images_keeps_their_numbers(tmp_path: Path) -> None:
    for number in (3, 4, 7):
        write_image(tmp_path / f"shot_{number}.png")
    (found,) = planned(tmp_path)
    assert found.name == tmp_path.name
    assert [frame.frame for frame in found.read(90, Defects(tmp_path, True))] == [3, 4, 7]
    assert found.notes[1] == f"{tmp_path.name}: 2 frames between the first and the last have no image: 5-6"


def test_images_counted_from_zero_go_by_their_order(tmp_path: Path) -> None:
    for number in (0, 1, 5):
        write_image(tmp_path / f"{number}.png")
    assert [frame.frame for frame in planned(tmp_path)[0].read(90, Defects(tmp_path, True))] == [1, 2, 3]


def test_two_of_one_name_are_an_error(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi"):
        record(tmp_path / name, 1, codec="mpeg4")
    with pytest.raises(UserError, match=r"a\.mp4: a\.avi has the name a too"):
        planned(tmp_path)


def test_a_broken_video_leaves_the_others(tmp_path: Path) -> None:
    truncate(record(videos(tmp_path) / "torn.mp4", 5), 0.3)
    with pytest.raises(UserError, match=r"torn\.mp4: the video cannot be opened"):
        planned(tmp_path)
    entry = Source(name="set", kind="folder", root="", sequences=["square", "torn"], images_per_file=8)
    found = plan(entry, tmp_path, strict=False)
    assert [item.name for item in found.sequences] == ["square"]
    assert found.defects[0].startswith("torn.mp4: the video cannot be opened")


@pytest.mark.parametrize(("name", "complaint"), [("none", "no such file or folder"), ("empty", "neither a video nor images")])
def test_nothing_to_read_is_an_error(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=complaint):
        planned(tmp_path / name)
