"""What lies in a store, whether it is whole, and what nothing names any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.artifacts import store, stored
from pipeline.artifacts.publication import Publication
from tests.shared import ROOT
from tests.throughline.command import throughline


def elsewhere(root: Path) -> Path:
    return root.with_name(f"{root.name}-store")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose data/things lies in a folder elsewhere, in its second version."""
    monkeypatch.setattr("throughline.verbs.stored.PARAMS", tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text().replace("  store: . ", f"  store: {elsewhere(tmp_path)} "))
    out = tmp_path / "data" / "things"
    for fingerprint in ("a" * 64, "b" * 64):
        made = Publication(out, "make_things", fingerprint, store.folder_of(str(elsewhere(tmp_path)), tmp_path, out))
        with made.write("one.txt") as path:
            path.write_text("one")
        made.publish()
    return tmp_path


def run(root: Path, *words: str) -> int:
    return throughline("stored", "--params", str(root / "params.yaml"), *words)


def test_it_says_what_lies_where_and_whether_it_is_whole(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root) == 0
    assert capsys.readouterr().out == f"data/things: 1 files, 0.0 MB, whole ({elsewhere(root)}/data/things/bbbbbbbbbbbb)\n"
    (store.follow(root / "data" / "things") / "one.txt").unlink()
    assert run(root) == 1
    assert "1 missing or changed, first one.txt" in capsys.readouterr().out


def test_prune_removes_what_no_pointer_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--prune") == 0
    assert f"removed: {elsewhere(root)}/data/things/aaaaaaaaaaaa\n" in capsys.readouterr().out
    left = store.listing(elsewhere(root))
    assert sorted(left) == ["data/things/bbbbbbbbbbbb/manifest.json", "data/things/bbbbbbbbbbbb/one.txt"]
    assert stored.prune(root) == []


def test_without_a_store_there_is_nothing_to_say(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(root / "data")
    assert run(root) == 0
    assert "no artefact lies in a store" in capsys.readouterr().out


def test_a_store_that_cannot_be_used_is_one_message(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = root / "params.yaml"
    params.write_text(params.read_text().replace(str(elsewhere(root)), "nope://run"))
    assert run(root) == 2
    assert capsys.readouterr().err.startswith("error: base.store: nope://run: unknown protocol nope")
