from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import sources
from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from tests.pipeline.recorded import crowdhuman, mot_sequence


def entry(name: str, root: str, kind: str = "mot_challenge") -> Source:
    return Source.model_validate({"name": name, "kind": kind, "root": root, "sequences": None, "images_per_file": 4})


@pytest.mark.parametrize(
    ("root", "expected"),
    [("{data_root}/x", "/repo/../data/x"), ("data/x", "/repo/data/x"), ("/else/x", "/else/x")],
)
def test_roots_start_at_the_data_root_or_the_repository(root: str, expected: str) -> None:
    assert sources.folder_of(entry("a", root), "../data", Path("/repo")) == Path(expected).resolve()


def test_all_sources_are_planned_in_order(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "mot/a")
    crowdhuman(tmp_path / "stills", ["x"])
    entries = [entry("stills", "{data_root}/stills", "crowdhuman"), entry("mot", "{data_root}/mot")]
    plan = sources.plan(entries, data_root=str(tmp_path), root=Path("/"), strict=True)
    assert [(sequence.dataset, sequence.name) for sequence in plan.sequences] == [("stills", "train-00000"), ("mot", "a")]


def test_a_video_name_in_two_data_sets_is_an_error(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "one/a")
    mot_sequence(tmp_path / "two/a")
    with pytest.raises(UserError, match="sequence a is in x and in y"):
        sources.plan([entry("x", "one"), entry("y", "two")], data_root="", root=tmp_path, strict=True)
