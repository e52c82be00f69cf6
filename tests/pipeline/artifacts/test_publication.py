from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from pipeline.artifacts.publication import Publication, read_manifest, require_space
from pipeline.errors import UserError


def publication(tmp_path: Path, fingerprint: str = "a" * 64) -> Publication:
    return Publication(tmp_path / "out", "demo", fingerprint)


def test_a_folder_appears_whole_with_its_manifest(tmp_path: Path) -> None:
    made = publication(tmp_path)
    with made.write("sub/one.txt") as path:
        path.write_text("one")
    assert not made.out.exists()
    manifest = made.publish(rows=1)
    assert (made.out / "sub/one.txt").read_text() == "one"
    assert manifest == read_manifest(made.out)
    assert manifest.facts == {"rows": 1}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert sorted(p.name for p in made.out.iterdir()) == ["manifest.json", "sub"]


def test_finished_parts_survive_a_kill_and_half_written_ones_do_not(tmp_path: Path) -> None:
    made = publication(tmp_path)
    with made.write("done.txt") as path:
        path.write_text("done")
    with pytest.raises(KeyboardInterrupt), made.write("half.txt") as path:
        path.write_text("ha")
        raise KeyboardInterrupt
    again = publication(tmp_path)
    assert again.done("done.txt")
    assert not again.done("half.txt")
    assert not publication(tmp_path, "b" * 64).done("done.txt")
    (made.partial / ".half.txt.1.tmp").write_text("left by a kill")
    made.path("done.txt").write_text("cut")
    assert not again.done("done.txt")
    with pytest.raises(UserError, match="done.txt: changed while the stage ran"):
        again.publish()
    with again.write("done.txt") as path:
        path.write_text("done")
    again.publish()
    assert sorted(p.name for p in made.out.iterdir()) == ["done.txt", "manifest.json"]


def test_a_kill_while_a_part_is_recorded_leaves_it_unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that looks at that moment sees the same."""

    def killed(path: Path, text: str) -> int:
        path.write_bytes(b"")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt), publication(tmp_path).write("part.txt") as part:
            part.write_bytes(b"whole")
    again = publication(tmp_path)
    assert not again.done("part.txt")
    with again.write("part.txt") as part:
        part.write_text("whole")
    assert again.done("part.txt")
    again.publish()
    assert sorted(path.name for path in again.out.iterdir()) == ["manifest.json", "part.txt"]


def test_a_new_folder_replaces_the_old_and_stale_attempts_go(tmp_path: Path) -> None:
    for fingerprint, name in (("a" * 64, "old.txt"), ("b" * 64, "new.txt")):
        made = publication(tmp_path, fingerprint)
        with made.write(name) as path:
            path.write_text(name)
        made.publish()
    assert sorted(p.name for p in made.out.iterdir()) == ["manifest.json", "new.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_manifest_is_the_same_bytes_for_the_same_content(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        made = publication(tmp_path)
        with made.write("one.txt") as path:
            path.write_text("one")
        made.publish()
        texts.append((made.out / "manifest.json").read_text())
    assert texts[0] == texts[1]


def test_missing_or_changed_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a published folder"):
        read_manifest(tmp_path)
    made = publication(tmp_path)
    with made.write("one.txt") as path:
        path.write_text("one")
    made.publish()
    (made.out / "one.txt").unlink()
    with pytest.raises(UserError, match="one.txt: missing or changed"):
        read_manifest(made.out)


def test_full_disk_is_a_plain_message_before_and_during_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = publication(tmp_path)
    with pytest.raises(UserError, match="no space left"), made.write("one.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(UserError, match="1 MB, 0 MB are free"):
        require_space(tmp_path / "a/b", 1_000_000, "writing frames")
