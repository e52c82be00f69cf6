"""Which images stand behind the rows of a frame file of stills."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import sources
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files.frames import frame_facts
from pipeline.labelling.accuracy import truth_pictures
from pipeline.labelling.folders import Folder
from pipeline.params.sections.data import Source
from pipeline.sources.extraction import Extraction, perform
from tests.pipeline.imitated import coco
from tests.pipeline.recorded import crowdhuman, write_image


def extracted(root: Path, kind: Any) -> list[dict[str, Any]]:
    """Facts of the frame files of a set, two stills in each."""
    entry = Source(name="set", kind=kind, root=str(root), sequences=None, images_per_file=2)
    publication = Publication(root.parent / "frames", "extract_frames", "f" * 12)
    tasks = [Extraction(publication, item, 90, 1.0, False, "code") for item in sources.plan_one(entry, root, False).sequences]
    for task in tasks:
        perform(task)
    return [frame_facts(publication.path(task.part)) for task in tasks]


def test_json_names_images_in_the_frame_file(tmp_path: Path) -> None:
    """One image of three is not there: its place is taken by none of the others."""
    root = coco(tmp_path / "set")
    (root / "val2017/000000000285.jpg").unlink()
    (facts,) = extracted(root, "coco")
    assert facts["images"] == {"1": "000000000139", "2": "000000000632"}
    write_image(root / "depth/000000000632.png")
    (root / "depth/scale.txt").write_text("0.01")
    assert truth_pictures(Folder(root, 2), facts, [1, 2]) == {2: root / "depth/000000000632.png"}


def test_lines_of_an_annotation_name_images_themselves(tmp_path: Path) -> None:
    root = crowdhuman(tmp_path / "set", ["c", "a", "b"])
    first, second = extracted(root, "crowdhuman")
    assert "images" not in first | second
    assert (Folder(root, 2).images(first, [1, 2]), Folder(root, 2).images(second, [1])) == (["c", "a"], ["b"])


def test_videos_have_none(tmp_path: Path) -> None:
    assert Folder(tmp_path, 2).images({"kind": "video"}, [1, 2]) == [None, None]


@pytest.mark.parametrize("source", ["gone.odgt", "broken.odgt"])
def test_an_annotation_that_changed_is_named(tmp_path: Path, source: str) -> None:
    (tmp_path / "broken.odgt").write_text("{}")
    with pytest.raises(UserError, match=f"{source}: does not name the images of a-00000 any more"):
        Folder(tmp_path, 2).images({"kind": "stills", "source": source, "sequence": "a-00000"}, [1])
