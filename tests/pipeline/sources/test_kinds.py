from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.sources.kinds import guess
from pipeline.sources.place import locate
from tests.pipeline.imitated import MADE, coco, zipped
from tests.pipeline.recorded import record


@pytest.mark.parametrize("name", MADE)
def test_every_layout_is_recognised(name: str, tmp_path: Path) -> None:
    kind, make = MADE[name]
    assert guess(make(tmp_path / "set")) == kind


def test_an_archive_and_a_file_are_recognised(tmp_path: Path) -> None:
    root = coco(tmp_path / "set")
    assert guess(locate(str(zipped(root, tmp_path / "set.zip")), tmp_path)) == "coco"
    assert guess(root / "annotations/instances_val2017.json") == "coco"
    assert guess(record(tmp_path / "a.mp4", 1)) == "folder"


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        guess(tmp_path / "none")
