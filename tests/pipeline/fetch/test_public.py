from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.artifacts import publication
from pipeline.errors import UserError
from pipeline.fetch import public as command
from pipeline.fetch.download import ATTEMPTS
from pipeline.fetch.public import DataSet, fetch, read_table
from tests.pipeline.server import Site, serving


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def evil_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("out/evil"))
    return stream.getvalue()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        made.files = {
            "one.zip": zipped({"toy/train/a/gt.txt": b"1,1", "toy/train/a/1.jpg": b"jpeg"}),
            "two.zip": zipped({"val/b/gt.txt": b"2,2"}),
            "list.odgt": b"{}",
        }
        yield made


def table(site: Site, *, at_most_gb: float = 0.001, **files: bool) -> dict[str, DataSet]:
    """A set `toy` of the named files (dots written as __), each unpacked or not."""
    names = {
        name.replace("__", "."): unpacked for name, unpacked in (files or {"one__zip": True, "two__zip": True, "list__odgt": False}).items()
    }
    listed = [
        {
            "url": site.url(name),
            "size": len(site.files[name]),
            "sha256": hashlib.sha256(site.files[name]).hexdigest() if name == "one.zip" else None,
            "unpack": unpacked,
        }
        for name, unpacked in names.items()
    ]
    body = {"folder": "toy", "licence": "for tests only", "at_most_gb": at_most_gb, "files": listed}
    return {"TOY": DataSet.model_validate(body)}


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WHOLE = {"toy/train/a/gt.txt": b"1,1", "toy/train/a/1.jpg": b"jpeg", "toy/val/b/gt.txt": b"2,2", "toy/list.odgt": b"{}"}


def test_a_set_comes_whole_and_only_once(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch("TOY", tmp_path, table(site)) == tmp_path / "toy"
    assert tree(tmp_path) == WHOLE
    said = capsys.readouterr().out
    assert "TOY: for tests only" in said
    assert f"two.zip: SHA-256 {hashlib.sha256(site.files['two.zip']).hexdigest()} (none is publicly known" in said
    assert "one.zip: SHA-256" not in said
    site.requests.clear()
    fetch("TOY", tmp_path, table(site))
    assert site.requests == []
    assert "is there already" in capsys.readouterr().out


def test_a_broken_download_leaves_no_folder_and_goes_on(site: Site, tmp_path: Path) -> None:
    sizes = len(site.files["one.zip"])
    site.breaks = [sizes, 50] + [0] * ATTEMPTS
    with pytest.raises(UserError, match="run the same command again"):
        fetch("TOY", tmp_path, table(site), first_wait=0.001)
    assert not (tmp_path / "toy").exists()
    site.requests.clear()
    fetch("TOY", tmp_path, table(site))
    assert site.requests == [("two.zip", "bytes=50-"), ("list.odgt", None)]  # the first is not fetched again
    assert tree(tmp_path) == WHOLE


def test_a_kill_while_files_are_put_together_loses_none(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, moved = command.os.replace, []

    def killed(source: Path, target: Path) -> None:
        if "whole" in str(target):
            if len(moved) == 2:
                raise KeyboardInterrupt
            moved.append(target)
        real(source, target)

    monkeypatch.setattr(command.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch("TOY", tmp_path, table(site))
    monkeypatch.setattr(command.os, "replace", real)
    site.requests.clear()
    fetch("TOY", tmp_path, table(site))
    assert site.requests == []
    assert tree(tmp_path) == WHOLE


def test_a_malicious_archive_leaves_nothing_outside_and_no_folder(site: Site, tmp_path: Path) -> None:
    site.files["evil.tar"] = evil_tar()
    with pytest.raises(UserError, match="out is a symbolic link"):
        fetch("TOY", tmp_path / "in", table(site, one__zip=True, evil__tar=True))
    assert not (tmp_path / "in/toy").exists()
    assert not list(tmp_path.rglob("evil"))
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_all_archives_together_keep_the_limit(site: Site, tmp_path: Path) -> None:
    site.files["two.zip"] = zipped({"big": b"0" * 900})
    with pytest.raises(UserError, match="that were announced"):
        fetch("TOY", tmp_path, table(site, at_most_gb=9.02e-7, one__zip=True, two__zip=True))  # 902 bytes; the first took 7


def test_two_archives_with_one_file_are_refused(site: Site, tmp_path: Path) -> None:
    site.files["two.zip"] = zipped({"train/a/gt.txt": b"other"})
    with pytest.raises(UserError, match="two archives of the set hold train/a/gt.txt"):
        fetch("TOY", tmp_path, table(site))


def test_a_disk_too_small_is_said_before_anything_is_asked_for(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_100

    monkeypatch.setattr(publication.shutil, "disk_usage", lambda folder: Usage)
    with pytest.raises(UserError, match="fetching TOY needs about 1 MB"):
        fetch("TOY", tmp_path, table(site))
    assert site.requests == []
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_in_order_and_names_itself(tmp_path: Path) -> None:
    sets = read_table()
    assert {"MOT17", "MOT20", "DanceTrack", "CrowdHuman"} <= set(sets)
    for data in sets.values():
        names = [file.url.rpartition("/")[2] for file in data.files]
        assert len(set(names)) == len(names)
        assert all(file.url.startswith("https://") for file in data.files)
        assert sum(file.size or 0 for file in data.files) < data.at_most_gb * 1e9
    with pytest.raises(UserError, match="KITTI: no such data set; there are MOT16, MOT17"):
        fetch("KITTI", tmp_path, sets)


@pytest.mark.parametrize(
    ("key", "value"),
    [("folder", "../out"), ("folder", ".hidden"), ("url", "file:///etc/passwd"), ("url", "https://host/a/.."), ("sha256", "abc")],
)
def test_a_table_that_leads_astray_is_refused(tmp_path: Path, key: str, value: str) -> None:
    text = '{"T": {"folder": "t", "licence": "x", "at_most_gb": 1.0, "files": [{"url": "https://host/t.zip", "size": 1, "sha256": null}]}}'
    path = tmp_path / "fetch.yaml"
    path.write_text(text)
    assert list(read_table(path)) == ["T"]
    old = {"folder": '"t"', "url": '"https://host/t.zip"', "sha256": "null"}[key]
    path.write_text(text.replace(f'"{key}": {old}', f'"{key}": "{value}"'))
    with pytest.raises(UserError, match=key):
        read_table(path)
