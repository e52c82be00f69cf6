"""A byte is what its manifest says, or it is named with the command that makes it again."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.artifacts import digests, reuse, store
from pipeline.artifacts.manifest import checked, checked_text, content_digest, read_manifest, stated
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import POINTER, Place
from pipeline.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository" / ".throughline").mkdir(parents=True)
    return tmp_path / "repository"


def publication(root: Path, kept: str = ".") -> Publication:
    out = root / "data" / "frames"
    return Publication(out, "extract_frames", "a" * 64, store.folder_of(kept, root, out))


def publish(root: Path, kept: str = ".") -> Place:
    made = publication(root, kept)
    for name in ("one.parquet", "two.parquet"):
        with made.write(name, {"key": name}) as path:
            path.write_bytes(name.encode() * 100)
    made.publish(frame_rate=10)
    return store.follow(made.out)


def flip(path: Place, at: int = 500) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 16
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("kept", [".", "elsewhere", "memory://flipped"])
def test_a_flipped_bit_is_named_and_its_file_is_never_taken_over(root: Path, kept: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = publish(root, kept)
    read_manifest(root / "data/frames")
    flip(place / "one.parquet")
    message = re.escape(f"{place}/one.parquet: missing or changed since it was published (1 of 2 files)\n")
    with pytest.raises(UserError, match=message + "next: make it again with `dvc repro --force --single-item extract_frames`"):
        read_manifest(root / "data/frames")
    assert not reuse.is_whole(root / "data/frames", "a" * 64)
    assert set(reuse.by_key(reuse.parts(publication(root, kept)))) == {"two.parquet"}
    assert "one.parquet: damaged since it was published; it is made again" in capsys.readouterr().out
    publish(root, kept)
    assert list(read_manifest(root / "data/frames").files) == ["one.parquet", "two.parquet"]


def test_no_bit_of_a_manifest_changes_unseen(root: Path) -> None:
    publish(root)
    path = root / "data/frames/manifest.json"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert stated(root / "data/frames") is None, at
    for length in (0, 300, len(whole) - 2):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"manifest.json: damaged since it was published\nnext: run `dvc repro`"):
            read_manifest(root / "data/frames")
    assert content_digest(root / "data/frames") is None
    assert reuse.parts(publication(root)) == []
    publish(root)
    assert path.read_bytes() == whole


def test_a_manifest_that_may_not_be_read_is_not_called_damaged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(root)
    (root / "data/frames/manifest.json").write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as root may read everything
    with pytest.raises(UserError, match=r"manifest.json: may not be read by you\nnext: `chmod -R u\+rwX .*data/frames`"):
        read_manifest(root / "data/frames")


def test_a_pointer_that_cannot_be_read_is_made_anew(root: Path) -> None:
    publish(root, "elsewhere")
    (root / "data/frames" / POINTER).write_bytes(b'{"pla')
    with pytest.raises(UserError, match=r"place.json: damaged since it was published"):
        read_manifest(root / "data/frames")
    with pytest.raises(UserError, match=r"place.json: damaged"):
        store.follow(root / "data/frames")
    assert not reuse.is_whole(root / "data/frames", "a" * 64)
    publish(root, "elsewhere")
    read_manifest(root / "data/frames")


def test_what_is_remembered_wrongly_of_a_file_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SETTLED", 0)
    publish(root)
    read_manifest(root / "data/frames")
    memory = root / digests.MEMORY
    with closing(sqlite3.connect(memory)) as base, base:
        assert base.execute("UPDATE contents SET digest = 'f00'").rowcount >= 2
    read_manifest(root / "data/frames")
    memory.write_bytes(b"SQLite format 3\0" + b"no data base at all" * 100)
    read_manifest(root / "data/frames")


def test_a_part_that_changes_before_it_is_published_goes(root: Path) -> None:
    made = publication(root)
    with made.write("sub/gt.txt") as marker:
        with made.write_folder("sub", "sub/gt.txt") as folder:
            (folder / "1.jpg").write_bytes(b"picture" * 100)
        marker.write_text("truth")
    assert made.done("sub/gt.txt")
    flip(made.path("sub/1.jpg"))
    assert not made.done("sub/gt.txt")
    with pytest.raises(UserError, match=r"sub/1.jpg: changed while the stage ran \(1 of 2 files\), and was removed"):
        made.publish()
    assert not made.path("sub/1.jpg").exists()


def test_a_note_on_a_part_that_cannot_be_read_counts_as_none(root: Path) -> None:
    made = publication(root)
    with made.write("one.parquet", {"key": "one"}) as path:
        path.write_bytes(b"one")
    (made.partial / ".parts" / "one.parquet.json").write_text('{"size": 3, "sha')
    assert not made.done("one.parquet")
    assert made.made_from("one.parquet") is None
    other = Publication(made.out, "extract_frames", "b" * 64)
    assert reuse.parts(other) == []


def test_small_files_vouch_for_themselves(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    assert checked(path) is None
    path.write_text(checked_text({"frames_per_second": 12.5}))
    assert checked(path) == {"frames_per_second": 12.5}
    path.write_text(path.read_text().replace("12.5", "13.5"))
    assert checked(path) is None
    path.write_text("[]")
    assert checked(path) is None
    path.write_text('{"frames_per_second": 12.5}')  # as an older version wrote it
    assert checked(path) == {"frames_per_second": 12.5}
