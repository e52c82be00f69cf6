from __future__ import annotations

import io
import random
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.fetch.unpack import unpack

LIMIT = 1_000_000


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def taped(path: Path, *members: tarfile.TarInfo, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def special(name: str, kind: int) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, (kind | 0o777) << 16
    return made


def tree(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_are_unpacked(tmp_path: Path, mode: str) -> None:
    members = [member("./", tarfile.DIRTYPE), member("./a/b.txt", size=5), member("c.txt", size=3)]
    unpack(taped(tmp_path / "set.any", *members, mode=mode), tmp_path / "out", LIMIT)
    assert tree(tmp_path / "out") == {"a/b.txt": 5, "c.txt": 3}


def test_zips_are_unpacked_without_their_modes(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "set.any", ("a/", b""), ("a/b.txt", b"12345"), (special("c.sh", stat.S_IFREG | stat.S_ISUID), b"123"))
    unpack(archive, tmp_path / "out", LIMIT)
    assert tree(tmp_path / "out") == {"a/b.txt": 5, "c.sh": 3}
    assert not (tmp_path / "out/c.sh").stat().st_mode & 0o7111


OUTSIDE = ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:/evil", "a\\b"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("make", ["zip", "tar"])
def test_names_that_lead_outside_are_refused_before_anything_is_written(tmp_path: Path, name: str, make: str) -> None:
    path = tmp_path / "in" / "set.any"
    path.parent.mkdir()
    if make == "zip":
        zipped(path, ("good.txt", b"1"), (name, b"evil"))
    else:
        taped(path, member("good.txt", size=1), member(name, size=4))
    with pytest.raises(UserError, match="leads outside the folder"):
        unpack(path, tmp_path / "in" / "out", LIMIT)
    assert tree(tmp_path) == {"in/set.any": path.stat().st_size}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a special file"),
        (tarfile.BLKTYPE, "a special file"),
        (tarfile.FIFOTYPE, "a special file"),
    ],
)
def test_links_and_devices_in_tars_are_refused(tmp_path: Path, kind: bytes, said: str) -> None:
    path = taped(tmp_path / "set.tgz", member("good.txt", size=1), member("odd", kind, link="/etc/passwd"), member("odd/x", size=1))
    with pytest.raises(UserError, match=f"odd is {said}"):
        unpack(path, tmp_path / "out", LIMIT)
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize(
    ("kind", "said"), [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFCHR, "a special file"), (stat.S_IFIFO, "a special file")]
)
def test_links_and_devices_in_zips_are_refused(tmp_path: Path, kind: int, said: str) -> None:
    path = zipped(tmp_path / "set.zip", ("good.txt", b"1"), (special("odd", kind), b"/etc/passwd"))
    with pytest.raises(UserError, match=f"odd is {said}"):
        unpack(path, tmp_path / "out", LIMIT)
    assert tree(tmp_path / "out") == {}


def _zip_bomb(path: Path) -> Path:
    return zipped(path, ("zeros", b"\0" * (LIMIT + 1)))


def _tar_bomb(path: Path) -> Path:
    return taped(path, *(member(f"part{number}", size=LIMIT // 2) for number in range(3)))


@pytest.mark.parametrize("make", [_zip_bomb, _tar_bomb])
def test_more_than_was_announced_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "set.any")
    assert path.stat().st_size < LIMIT / 100
    with pytest.raises(UserError, match="more than the 1 MB that were announced"):
        unpack(path, tmp_path / "out", LIMIT)
    assert tree(tmp_path / "out") == {}


def test_a_zip_that_lies_about_its_sizes_is_stopped(tmp_path: Path) -> None:
    """Both headers say 10 bytes where a million are packed: only ten come out, and their checksum is wrong."""
    path = _zip_bomb(tmp_path / "set.zip")
    path.write_bytes(path.read_bytes().replace((LIMIT + 1).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(path, tmp_path / "out", LIMIT)
    assert sum(tree(tmp_path / "out").values()) <= 10


@pytest.mark.parametrize("members", [[("a", b"1"), ("a", b"2")], [("a", b"1"), ("a/b", b"2")], [("a/b", b"1"), ("a", b"2")]])
def test_a_file_that_comes_twice_is_refused(tmp_path: Path, members: list[tuple[str, bytes]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, of the twin
        path = zipped(tmp_path / "set.zip", *members)
    with pytest.raises(UserError, match="is there twice"):
        unpack(path, tmp_path / "out", LIMIT)


def test_names_too_long_for_the_disk_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too long for this disk"):
        unpack(zipped(tmp_path / "set.zip", ("a" * 400, b"1")), tmp_path / "out", LIMIT)


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("suffix", ["zip", "tgz"])
def test_half_an_archive_is_said_to_be_broken(tmp_path: Path, keep: float, suffix: str) -> None:
    content = random.Random(0).randbytes(50_000)
    path = tmp_path / f"set.{suffix}"
    if suffix == "zip":
        zipped(path, ("a", content))
    else:
        with tarfile.open(path, "w:gz") as archive:
            made = member("a", size=len(content))
            archive.addfile(made, io.BytesIO(content))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(UserError, match="cannot be unpacked|neither a zip nor a tar"):
        unpack(path, tmp_path / "out", LIMIT)


def test_a_page_of_text_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_text("<html>please log in</html>")
    with pytest.raises(UserError, match="neither a zip nor a tar"):
        unpack(tmp_path / "set.zip", tmp_path / "out", LIMIT)
