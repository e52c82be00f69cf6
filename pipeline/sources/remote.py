"""A root that is no local folder, over one listing of any fsspec file system: the methods of `pathlib.Path` that sources use."""

from __future__ import annotations

import errno
import functools
import lzma
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pipeline.errors import PlainError, connection
from pipeline.params.addresses import masked
from pipeline.sources.refusals import refuse_swelling, refuse_too_large

# What reading a file of a damaged archive, or over a network, may raise besides OSError.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, OverflowError)


class _Stat(NamedTuple):
    st_size: int


@dataclass
class Tree:
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

    tree: Tree
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
    except (KeyError, *BROKEN) as error:
        raise OSError(errno.EIO, " ".join(str(error).split()) or type(error).__name__, str(place)) from None


@contextmanager
def _archive_errors_with_cause() -> Iterator[None]:
    """A connection that breaks while zipfile looks for an archive's end makes it say that this is no archive; the cause is put back."""
    try:
        yield
    except zipfile.BadZipFile as error:
        raise error from error.__context__
