"""Where a data set lies: a local folder, or any fsspec URL, read in place (`zip://MOT17::/data/MOT17.zip`, `s3://bucket/MOT17`).

A local folder or file stays a `pathlib.Path`. Anything else is a `Remote`, whose listing is taken when the root is opened. FFmpeg reads
files only, so a video is copied beside the temporary files while it is read.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import fsspec

from pipeline.artifacts.store import follow
from pipeline.errors import UserError, trusted
from pipeline.files.video import SUFFIXES
from pipeline.params.addresses import filled, masked
from pipeline.sources.refusals import refuse_without_login
from pipeline.sources.remote import BROKEN, Remote, Tree

ALONE = (*SUFFIXES, ".json")  # files that are a root by themselves; a web server calls its folders files too
# Folders in which systems keep thumbnails, waste and snapshots: Synology, QNAP, Windows, Linux.
FOREIGN = ("@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", ".thumbnails", "$recycle.bin", "lost+found",
           "system volume information")  # fmt: skip
SPECIAL = "a pipe, a socket or a device, no file"
# What listings say of a file's content: object stores' tags and checksums, the checksum in an archive's table.
_MARKS = ("CRC", "crc32c", "md5Hash", "etag", "ETag")


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
    """An empty root of this name, for an annotation whose images are not there; names of files may be put into its `tree.sizes`."""
    return Remote(Tree(str(folder), None, ""))


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
        UserError: it cannot be read, or is no file, such as a pipe, whose reader would wait for ever.
    """
    try:
        if is_special(place):
            raise UserError(f"{place}: {SPECIAL}, which cannot be read\nnext: move it out of the root")
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
    special = [is_special(item) for item in shown]
    if passed is not None:
        passed += [f"{relative(item, top)}: {SPECIAL}; left out" for item, odd in zip(shown, special, strict=True) if odd]
    shown = [item for item, odd in zip(shown, special, strict=True) if not odd]
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


def is_special(place: Place) -> bool:
    """Whether a local name is neither a file nor a folder, but a pipe, a socket or a device; a link to nothing is none of these."""
    if not isinstance(place, Path):
        return False
    try:
        mode = place.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


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
        if not isinstance(error, (OSError, KeyError, *BROKEN)):
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
    return Remote(Tree(shown, files, base, sizes, marks, stored))


def _slashed(name: str) -> str:
    """A path as others than Windows write it."""
    return name.replace("\\", "/").strip("/")


def _single(url: str, files: Any, base: str) -> Remote:
    """A file alone; its root is the folder that it lies in, of which nothing else is seen."""
    folder, _, name = base.rpartition("/")
    outer, chained, inner = url.partition("::")
    above = outer.removesuffix(f"/{name}") if outer.endswith(f"/{name}") else outer.removesuffix(name)
    return Remote(Tree(f"{above}{chained}{inner}", files, folder, {name: None}), name)
