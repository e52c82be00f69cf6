"""Drawn sequences are drawn once, again after a kill, and the same way by the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from experiments.represent import drawn
from pipeline.artifacts.publication import file_digest
from pipeline.files.frames import Frame, frame_extras, read_frames


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    size = {"sequences": 2, "frames": 2, "width": 192, "height": 128}
    monkeypatch.setattr(drawn, "SECTION", drawn.SECTION.model_copy(update=size))


def test_scenes_have_what_the_tasks_read_and_are_a_function_of_the_seed(tmp_path: Path, small: None) -> None:
    first = drawn.scenes(tmp_path / "a", 1)
    again, other = drawn.scenes(tmp_path / "b", 1), drawn.scenes(tmp_path / "c", 2, limit=1)
    assert [item.frames.name for item in first] == ["scene-01.parquet", "scene-02.parquet"]
    assert len(other) == 1
    assert [file_digest(item.frames) for item in first] == [file_digest(item.frames) for item in again]  # type: ignore[arg-type]
    assert file_digest(other[0].frames) != file_digest(first[0].frames)  # type: ignore[arg-type]
    extras = frame_extras(first[0].frames)
    assert (extras.masks, extras.keypoints, extras.public_masks, extras.public_keypoints) == (True, 17, True, 17)
    assert [frame.frame for frame in read_frames(first[0].frames)] == [1, 2]
    assert drawn.key(1) != drawn.key(2)


def test_what_is_whole_stays_and_what_was_cut_off_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    drawn.scenes(tmp_path, 1)
    calls: list[int] = []
    real = drawn._scene

    def counted(seed: int, number: int) -> Iterator[Frame]:
        calls.append(number)
        return real(seed, number)

    monkeypatch.setattr(drawn, "_scene", counted)
    drawn.scenes(tmp_path, 1)
    assert calls == []
    (tmp_path / drawn.FOLDER / "scene-02.key").unlink()  # as a killed run leaves it
    drawn.scenes(tmp_path, 1)
    assert calls == [2]
    drawn.scenes(tmp_path, 5)
    assert calls == [2, 1, 2]


def test_close_ups_are_cut_by_the_renderer_and_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "_close", partial(lambda seed, number: iter(())))
    found = drawn.closes(tmp_path, 1, limit=2)
    assert [item.frames.name for item in found] == ["close-up-01.parquet", "close-up-02.parquet"]
    assert found[0].span == (1, drawn.CLOSE_FRAMES)
