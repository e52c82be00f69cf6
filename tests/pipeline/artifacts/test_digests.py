from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pipeline.artifacts import digests


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    real = digests.file_digest
    monkeypatch.setattr(digests, "file_digest", lambda path: read.append(path) or real(path))
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.write_bytes(b"one")
    os.utime(old, ns=(1, 1))
    digest = hashlib.sha256(b"one").hexdigest()
    assert digests.digests([old, new, old], tmp_path) == {old: digest, new: digest}
    assert sorted(read) == [new, old]
    assert digests.digests([old, new], tmp_path) == {old: digest, new: digest}
    assert sorted(read) == [new, new, old]  # what was written a moment ago may change within the same tick
    old.write_bytes(b"two")
    os.utime(old, ns=(2, 2))
    assert digests.digests([old], tmp_path)[old] == hashlib.sha256(b"two").hexdigest()


def test_much_to_read_shows_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"0123456789")
    digests.digests(paths, tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(digests, "MANY_BYTES", 20)
    digests.digests(paths, tmp_path)
    assert "Reading contents: 3/3 files" in capsys.readouterr().err


def test_what_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    assert digests.digests([tmp_path / "none", tmp_path], tmp_path) == {tmp_path / "none": None, tmp_path: None}
    assert digests.digests([], tmp_path) == {}
