"""Where a data set lies: a local folder, or any fsspec URL, read in place (`zip://MOT17::/data/MOT17.zip`, `s3://bucket/MOT17`).

A local folder or file stays a `pathlib.Path`. Anything else is a `Remote`: the methods of `Path` that sources use, over one listing that
is taken when the root is opened. FFmpeg reads files only, so a video is copied beside the temporary files while it is read.
"""

from __future__ import annotations

import errno
import functools
import lzma
import os
import pickle
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias

import fsspec

from pipeline.artifacts.store import follow
from pipeline.errors import PlainError, UserError, connection, trusted
from pipeline.files.video import SUFFIXES
from pipeline.params.addresses import filled, masked
from pipeline.sources.refusals import refuse_swelling, refuse_too_large, refuse_without_login

ALONE = (*SUFFIXES, ".json")  # files that are a root by themselves; a web server calls its folders files too
# Folders in which systems keep thumbnails, waste and snapshots: Synology, QNAP, Windows, Linux.
FOREIGN = ("@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", ".thumbnails", "$recycle.bin", "lost+found",
           "system volume information")  # fmt: skip
# What reading a file of a damaged archive, or over a network, may raise besides OSError.
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, OverflowError)
# What listings say of a file's content: object stores' tags and checksums, the checksum in an archive's table.
_MARKS = ("CRC", "crc32c", "md5Hash", "etag", "ETag")


class _Stat(NamedTuple):
    st_size: int


@dataclass
class _Tree:
    """One opened root. Its listing is not pickled: a task that reads a file needs none.

    Attributes:
        url: as the user wrote it, or a local archive's path; begins every message.
        opened: the fsspec file system, or, in a task until it is needed, its pickle: an archive's reads from the network to come back.
        base: the root's path in it.
        sizes: bytes by path relative to the root, None where the listing does not tell.
        marks: what the listing says about the content beyond its size, by path, for files of which it says anything.
        stored: the name that a file has in there, by path, where it differs (an archive written with backslashes).
    """

    url: str
    opened: Any
    base: str
    sizes: dict[str, int | None] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url, "opened": pickle.dumps(self.files), "base": self.base, "sizes": {}, "marks": {}, "stored": self.stored}

    @property
    def files(self) -> Any:
        """The fsspec file system."""
        if isinstance(self.opened, bytes):
            self.opened = pickle.loads(self.opened)
        return self.opened

    @functools.cached_property
    def children(self) -> dict[str, list[str]]:
        """Names of what lies in each folder, sorted."""
        found: dict[str, set[str]] = {"": set()}
        for name in self.sizes:
            parts = name.split("/")
            for depth in range(len(parts)):
                found.setdefault("/".join(parts[:depth]), set()).add(parts[depth])
        return {folder: sorted(names) for folder, names in found.items()}


@dataclass(frozen=True, eq=False)
class Remote:
    """A file or folder of a root that is no local folder; works as `pathlib.Path` does where it has the same methods."""

    tree: _Tree
    path: str = ""

    def __str__(self) -> str:
        return f"{self.tree.url}/{self.path}" if self.path else self.tree.url

    def __truediv__(self, name: str) -> Remote:
        return Remote(self.tree, f"{self.path}/{name}".strip("/"))

    def __lt__(self, other: Remote) -> bool:
        return self.path < other.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def name(self) -> str:
        """The last part; of a root that is a whole archive, the archive's name without suffix."""
        return PurePosixPath(self.path or self.tree.base.strip("/") or PurePosixPath(self.tree.url.rpartition("::")[2]).stem).name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The name's last suffix with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Remote:
        """The folder that it lies in; the root's is the root."""
        return Remote(self.tree, self.path.rpartition("/")[0])

    @property
    def archive(self) -> Path | None:
        """The local zip file that the root is, given by its path; None for a URL."""
        return Path(self.tree.url) if "://" not in self.tree.url else None

    def resolve(self) -> Remote:
        """Itself: URLs are absolute."""
        return self

    def is_file(self) -> bool:
        """Whether the listing has such a file."""
        return self.path in self.tree.sizes

    def is_dir(self) -> bool:
        """Whether the listing has files below it."""
        return self.path in self.tree.children

    def exists(self) -> bool:
        """Whether it is a file or a folder."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[Remote]:
        """What lies directly in the folder, sorted."""
        return iter([self / name for name in self.tree.children.get(self.path, [])])

    def stat(self) -> _Stat:
        """The file's size."""
        size = self.tree.sizes.get(self.path)
        with _as_os_error(self):
            return _Stat(int(self.tree.files.size(self._full) or 0) if size is None else size)

    @property
    def mark(self) -> str | None:
        """Changes with the file's content; None where the listing does not tell."""
        said = self.tree.marks.get(self.path)
        return None if said is None else f"{self.stat().st_size} {said}"

    def read_bytes(self) -> bytes:
        """The file's content.

        Raises:
            OSError: it cannot be read whole.
        """
        with _as_os_error(self):
            refuse_swelling(self.tree.files, self._full)
            refuse_too_large(self.stat().st_size)
            content: bytes = self.tree.files.cat_file(self._full)
            return content

    def read_text(self, encoding: str = "utf-8") -> str:
        """The file's content as text."""
        return self.read_bytes().decode(encoding)

    def copy_to(self, target: Path) -> None:
        """Stream the file into a local one."""
        with _as_os_error(self):
            refuse_swelling(self.tree.files, self._full)
        with _as_os_error(self), self.tree.files.open(self._full, "rb") as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)

    @property
    def _full(self) -> str:
        path = self.tree.stored.get(self.path, self.path)
        return f"{self.tree.base.rstrip('/')}/{path}" if self.tree.base else path


Place: TypeAlias = Path | Remote


def locate(text: str, start: Path) -> Place:
    """The place that a root names.

    Args:
        text: a folder, a file, or an fsspec URL; a local path in a URL's last part (`zip://::data/a.zip`) may be relative. A local file
            whose name ends in .zip is read in place.
        start: what relative paths start from.

    Raises:
        UserError: the URL cannot be opened or listed.
    """
    if "://" not in text:
        path = follow(Path(start, Path(text).expanduser()).resolve())
        if not isinstance(path, Path):
            return _opened(str(path))
        return _opened(f"zip://::{path}", shown=str(path)) if path.suffix.lower() == ".zip" and path.is_file() else path
    if text.startswith("file://"):
        return locate(text.removeprefix("file://"), start)
    outer, chained, inner = text.rpartition("::")
    if chained and "://" not in inner:
        text = f"{outer}::{Path(start, Path(inner).expanduser()).resolve()}"
    return _opened(text.rstrip("/") if not text.endswith("://") else text)


def imagined(folder: Place) -> Remote:
    """A root of this name in which nothing lies; names of files may be put into `tree.sizes`."""
    return Remote(_Tree(str(folder), None, ""))


def listed(folder: Place) -> list[Place]:
    """What lies in a folder, in order of names; nothing where it is no folder.

    Raises:
        UserError: it may not be listed.
    """
    try:
        return sorted(folder.iterdir(), key=attrgetter("name")) if folder.is_dir() else []
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be listed ({error.strerror})\nnext: check the folder's rights, or move it out of the root"
        ) from None


def size_of(place: Place) -> int:
    """Bytes of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return place.stat().st_size
    except OSError as error:
        why = "a link to nothing" if dead_link(place) else error.strerror
        raise UserError(f"{place}: cannot be read ({why})\nnext: put the file there") from None


def walked(folder: Place, passed: list[str] | None = None) -> Iterator[Place]:
    """All files below a folder, each folder's own before those of its folders; hidden names are passed over.

    Each folder is entered once, whatever links lead to it, and folders that computers keep for themselves are not. A link to nothing is
    yielded, so that whoever wants the file says that it cannot be read.

    Args:
        folder: where to begin.
        passed: gets a remark on each folder that is not entered.
    """
    yield from _walked(folder, folder, {_identity(folder)}, passed)


def _walked(folder: Place, top: Place, seen: set[str], passed: list[str] | None) -> Iterator[Place]:
    shown = [item for item in listed(folder) if not item.name.startswith((".", "__MACOSX"))]
    folders = [item.is_dir() for item in shown]
    yield from (item for item, is_folder in zip(shown, folders, strict=True) if not is_folder)
    inner = [item for item, is_folder in zip(shown, folders, strict=True) if is_folder]
    for item in sorted(inner, key=_is_link):  # a folder's own place is where it is found
        key = _identity(item)
        if item.name.lower() in FOREIGN or key in seen:
            why = (
                "a computer's own folder (thumbnails, waste)" if item.name.lower() in FOREIGN else "a link to a folder that is read already"
            )
            if passed is not None:
                passed.append(f"{relative(item, top)}: {why}; left out")
            continue
        seen.add(key)
        yield from _walked(item, top, seen, passed)


def _is_link(place: Place) -> bool:
    return isinstance(place, Path) and place.is_symlink()


def dead_link(place: Place) -> bool:
    """Whether a name is there that leads to no file."""
    return _is_link(place) and not place.exists()


def _identity(folder: Place) -> str:
    """What two ways to one folder have in common."""
    return os.path.realpath(folder) if isinstance(folder, Path) else str(folder)


def relative(place: Place, folder: Place) -> str:
    """A place's path from a folder above it, with slashes."""
    return str(place).removeprefix(f"{folder}/")


@contextmanager
def local_copy(place: Place) -> Iterator[Path]:
    """The file itself where it is local, else a copy that is removed after the block; messages name the place, not the copy.

    Raises:
        UserError: it cannot be copied, or what the block raises.
    """
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="throughline-") as folder:
        copy = Path(folder) / f"copy{place.suffix}"
        try:
            place.copy_to(copy)
            yield copy
        except UserError as error:
            raise UserError(str(error).replace(str(copy), str(place))) from None
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise UserError(f"{place}: cannot be read ({error.strerror})\nnext: check the file and the connection") from None


def _opened(url: str, shown: str | None = None) -> Remote:
    """A root by its URL; `shown` stands for it in messages, else the URL without a password."""
    shown, url = shown or masked(url), filled(url)
    try:
        files, base = fsspec.core.url_to_fs(url, skip_instance_cache=True)
        base = str(base)
        if PurePosixPath(base).suffix.lower() in ALONE and files.isfile(base):
            return _single(shown, files, base)
        found = files.find(base, detail=True)
    except ImportError as error:
        raise UserError(f"{shown}: {error}\nnext: install what fsspec needs for this protocol") from None
    except Exception as error:
        trusted(shown, error)
        refuse_without_login(shown, error)
        if not isinstance(error, (OSError, KeyError, *_BROKEN)):
            raise
        raise UserError(
            f"{shown}: cannot be opened ({masked(' '.join(str(error).split())) or type(error).__name__})\n"
            "next: check the address; allowed are folders, .zip files and URLs that fsspec knows, as in zip://MOT17::/data/MOT17.zip"
        ) from None
    start = len(base.rstrip("/")) + 1 if base.strip("/") else len(base)
    names = {name: name[start:].strip("/") for name in found}
    stored = {_slashed(short): short for short in names.values() if _slashed(short) != short and _slashed(short) not in names.values()}
    shorter = {name: _slashed(short) if _slashed(short) in stored else short for name, short in names.items()}
    sizes = {shorter[name]: info.get("size") for name, info in found.items() if info.get("type") == "file"}
    if not sizes:
        raise UserError(f"{shown}: no file here\nnext: check the address")
    marks = {shorter[name]: str(info[key]) for name, info in found.items() for key in _MARKS if info.get(key)}
    return Remote(_Tree(shown, files, base, sizes, marks, stored))


def _slashed(name: str) -> str:
    """A path as others than Windows write it."""
    return name.replace("\\", "/").strip("/")


def _single(url: str, files: Any, base: str) -> Remote:
    """A file alone; its root is the folder that it lies in, of which nothing else is seen."""
    folder, _, name = base.rpartition("/")
    outer, chained, inner = url.partition("::")
    above = outer.removesuffix(f"/{name}") if outer.endswith(f"/{name}") else outer.removesuffix(name)
    return Remote(_Tree(f"{above}{chained}{inner}", files, folder, {name: None}), name)


@contextmanager
def _as_os_error(place: Remote) -> Iterator[None]:
    """Archives and networks have errors of their own; sources expect what a disk would say, but for a lost connection."""
    try:
        with connection(str(place)) if place.archive is None else nullcontext(), _archive_errors_with_cause():
            yield
    except PlainError as error:
        raise type(error)(masked(str(error))) from None
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "no such file", str(place)) from None
    except OSError as error:
        raise OSError(error.errno or errno.EIO, masked(error.strerror or str(error)), str(place)) from None
    except (KeyError, *_BROKEN) as error:
        raise OSError(errno.EIO, " ".join(str(error).split()) or type(error).__name__, str(place)) from None


@contextmanager
def _archive_errors_with_cause() -> Iterator[None]:
    """A connection that breaks while zipfile looks for an archive's end makes it say that this is no archive; the cause is put back."""
    try:
        yield
    except zipfile.BadZipFile as error:
        raise error from error.__context__
