"""Unpack an archive from a stranger: plain files and folders, inside one folder, no more than was announced.

Names are checked before the first byte is written, and bytes are counted while they are: what an archive says of its sizes is not believed.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.errors import UserError

_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, NotImplementedError, ValueError)
_PLAIN = "the archive may be damaged or malicious; nothing of it was kept"


@dataclass(frozen=True)
class Entry:
    """A member of an archive.

    Attributes:
        name: as the archive has it.
        kind: "file", "folder", or what else it is, in words.
        size: bytes, as the archive says.
        open: its bytes.
    """

    name: str
    kind: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, at_most: int) -> None:
    """Write the files of a zip or tar archive (plain, gzip, bzip2, xz) into a new folder.

    Modes, owners and times are not taken over. On an error the folder may hold a part; the caller removes it.

    Args:
        archive: the file; its contents, not its name, say what it is.
        folder: made here; must not exist.
        at_most: bytes that all files together may take.

    Raises:
        UserError: it is no archive or broken; it holds a link, a device, a name outside the folder, a file twice, or more than `at_most`.
    """
    folder.mkdir(parents=True)
    try:
        with _entries(archive) as entries:
            said = 0
            for entry in entries():
                place(entry, folder, archive)
                said += entry.size
                _bound(said, at_most, archive)
            written = 0
            for entry in entries():
                written = _write(entry, place(entry, folder, archive), archive, written, at_most)
    except _BROKEN as error:
        raise UserError(f"{archive}: cannot be unpacked ({error})\nnext: delete it and fetch it again") from None


def place(entry: Entry, folder: Path, archive: Path) -> Path:
    """Where a member goes.

    Raises:
        UserError: it is no plain file or folder, or its name leads outside.
    """
    parts = PurePosixPath(entry.name).parts
    bad = entry.name.startswith("/") or ".." in parts or "\\" in entry.name or "\0" in entry.name or entry.name[1:2] == ":"
    if bad or (not parts and entry.kind != "folder"):
        raise UserError(f"{archive}: the name {entry.name!r} leads outside the folder\nnext: {_PLAIN}")
    if entry.kind not in ("file", "folder"):
        raise UserError(f"{archive}: {entry.name} is {entry.kind}; only plain files and folders are unpacked\nnext: {_PLAIN}")
    return folder.joinpath(*parts)


def _write(entry: Entry, target: Path, archive: Path, written: int, at_most: int) -> int:
    """Write one member; gives the bytes of all so far."""
    try:
        if entry.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            return written
        target.parent.mkdir(parents=True, exist_ok=True)
        with entry.open() as source, target.open("xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                _bound(written, at_most, archive)
                sink.write(chunk)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{archive}: {entry.name} is there twice\nnext: {_PLAIN}") from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise UserError(f"{archive}: the name {entry.name[:80]}... is too long for this disk\nnext: {_PLAIN}") from None
    return written


def _bound(total: int, at_most: int, archive: Path) -> None:
    if total > at_most:
        raise UserError(f"{archive}: unpacks to more than the {at_most / 1e6:,.0f} MB that were announced\nnext: {_PLAIN}")


@contextmanager
def _entries(archive: Path) -> Iterator[Callable[[], Iterator[Entry]]]:
    """A function that lists the members anew."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield lambda: (_of_zip(packed, info) for info in packed.infolist())
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tape:
            yield lambda: (_of_tar(tape, member) for member in tape)
    else:
        raise UserError(
            f"{archive}: neither a zip nor a tar archive\nnext: look into it; servers send pages of text where a login is needed"
        )


def _of_zip(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    mode = stat.S_IFMT(info.external_attr >> 16)
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "a symbolic link"}
    kind = "folder" if info.is_dir() and mode in (0, stat.S_IFDIR) else kinds.get(mode, "a special file")
    if info.flag_bits & 1:
        kind = "encrypted"
    return Entry(info.filename, kind, info.file_size, lambda: packed.open(info))


def _of_tar(tape: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    kinds = {tarfile.SYMTYPE: "a symbolic link", tarfile.LNKTYPE: "a hard link"}
    kind = "file" if member.isreg() else "folder" if member.isdir() else kinds.get(member.type, "a special file")

    def content() -> IO[bytes]:
        stream = tape.extractfile(member)
        if stream is None:
            raise tarfile.ReadError(f"{member.name} has no contents")
        return stream

    return Entry(member.name, kind, member.size, content)
