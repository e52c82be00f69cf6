"""Where artefacts lie: in the repository, in a folder elsewhere, or under an fsspec URL (`base.store`).

With a store, the repository's folder of an artefact (data/frames, say) is only a pointer, and that is what DVC tracks: manifest.json, the
very bytes that it would have without a store, and place.json, which says where the files are. `follow` goes from
a path in the repository to the place. The pointers are there because DVC 3 (3.67) keeps one dvc.yaml from serving both: it refuses to
cache outs outside the workspace, and whether an out is cached cannot be a parameter. DVC therefore does not look at the objects; every
stage does before it reads (`read_manifest`), and `throughline stored` at any time.

In the store an artefact's files lie in a folder named by the fingerprint of what makes them, so nothing is ever copied, renamed or
replaced there. An object appears whole or not at all, and its folder counts once a pointer names it.

Credentials and endpoints come from the environment, in the words of each protocol's own tools (AWS_ENDPOINT_URL, AWS_PROFILE, ...).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import fsspec
import fsspec.config
import pyarrow.parquet as pq

from pipeline.errors import UserError, connection
from pipeline.params.roots import home

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"

HERE = "."  # base.store when everything lies in the repository
MANIFEST = "manifest.json"
POINTER = "place.json"
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")  # of an object's content, in the words of S3, Azure, Google Storage
# Other processes write what this one has listed; and a Parquet reader asks for the ranges it needs.
_OPTIONS: Mapping[str, Any] = {"use_listings_cache": False}
# What S3 does not answer ends within about a minute, instead of twelve, where fsspec's configuration (FSSPEC_S3) says nothing else: s3fs
# asks for an object in two ways, each in two attempts, in each of which botocore makes two calls of eight seconds.
_S3_ATTEMPTS = 2
_S3_CALLS: Mapping[str, Any] = {"connect_timeout": 5, "read_timeout": 8, "retries": {"mode": "standard", "total_max_attempts": 2}}
fsspec.config.conf.setdefault("s3", {}).setdefault("config_kwargs", dict(_S3_CALLS))


def place(text: str) -> Place:
    """A folder or file by path or URL; a URL's works as a `pathlib.Path` does.

    Raises:
        UserError: nobody knows the URL's protocol, or a package for it is missing.
    """
    if "://" not in text or text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    from upath import UPath

    protocol = text.partition("://")[0]
    try:
        kind = fsspec.get_filesystem_class(protocol)
        if protocol == "s3":
            _bound_waits(kind)
        return UPath(text, **_OPTIONS)
    except ImportError as error:
        raise UserError(f"base.store: {text}: {error}\nnext: {_INSTALL.get(protocol, 'install what fsspec needs for it')}") from None
    except ValueError:
        known = ", ".join(sorted(_INSTALL))
        raise UserError(
            f"base.store: {text}: unknown protocol {protocol}\nnext: name a folder, or a URL of {known} or another protocol of fsspec"
        ) from None


@cache
def _bound_waits(s3: Any) -> None:
    """Bound what fsspec's configuration cannot: s3fs's attempts, and uploads.

    botocore asks before an upload whether to go on (`Expect: 100-continue`), and for that answer aiohttp waits without an end.
    """
    from botocore import handlers

    s3.retries = _S3_ATTEMPTS
    handlers.BUILTIN_HANDLERS[:] = [each for each in handlers.BUILTIN_HANDLERS if each[1] is not handlers.add_expect_header]


_INSTALL = {
    "s3": "pip install s3fs boto3",
    **dict.fromkeys(("gs", "gcs"), "pip install gcsfs"),
    **dict.fromkeys(("abfs", "az"), "pip install adlfs"),
}


def folder_of(store: str, root: Path, out: Path) -> Place | None:
    """Where the store keeps the versions of the artefact at `out` in the repository; None: in the repository itself."""
    if store == HERE:
        return None
    start = place(store)
    if isinstance(start, Path):
        start = Path(home(root), start.expanduser()).resolve()
    return _below(start, out.relative_to(root))


def follow(path: Path) -> Place:
    """Where a published folder of the repository, or a file in it, really lies; any other path is itself.

    Raises:
        UserError: the pointer is damaged.
    """
    for folder in (path, *path.parents):
        if (folder / POINTER).is_file():
            where = pointed(folder)
            if where is None:
                raise broken(folder / POINTER)
            return _below(where, path.relative_to(folder))
        if (folder / MANIFEST).is_file():
            break
    return path


def broken(path: Path) -> UserError:
    """What a manifest or pointer that cannot be used is told as: one that may not be read, or a damaged one."""
    if os.access(path, os.R_OK):
        return UserError(f"{path}: damaged since it was published\nnext: run `dvc repro`, which makes the folder anew")
    return UserError(f"{path}: may not be read by you\nnext: `chmod -R u+rwX {path.parent}`, or see who owns it; then run it again")


def pointed(folder: Path) -> Place | None:
    """The place that a folder's pointer names; None where the pointer is missing or cannot be read."""
    try:
        return place(json.loads((folder / POINTER).read_bytes())["place"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, UserError):
        return None


def _below(start: Place, path: Path) -> Place:
    return start.joinpath(*path.parts)  # a URL keeps a dot as a name


def relative(path: Place, folder: Place) -> str:
    """A place's path from a folder above it, with slashes."""
    return str(path).removeprefix(f"{folder}/")


def filesystem(of: UPath) -> Any:
    """The fsspec file system of a URL.

    fsspec caches it per process: a forked process gets a new one, since it cannot use its parent's connections.
    """
    return fsspec.filesystem(of.protocol, **of.storage_options)


def parquet(path: Place, **options: Any) -> pq.ParquetFile:
    """Open a Parquet file; from a URL only the footer and the row groups that are read come over the network, each in a request or two.

    Raises:
        FileNotFoundError: there is no such file.
        pyarrow.ArrowInvalid: it is not Parquet.
    """
    if isinstance(path, Path):
        return pq.ParquetFile(path, **options)
    return pq.ParquetFile(filesystem(path).open(path.path, "rb", cache_type="none"), pre_buffer=True)


def read_table(path: Place, **options: Any) -> Any:
    """The rows of a Parquet file that filters choose (`pyarrow.parquet.read_table`); row groups without any are not read."""
    if isinstance(path, Path):
        return pq.read_table(path, **options)
    return pq.read_table(path.path, filesystem=filesystem(path), **options)


@contextlib.contextmanager
def local(path: Place) -> Iterator[Path]:
    """A file or folder for those who need a local one: itself, or a copy that goes after the block."""
    if isinstance(path, Path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="throughline-") as scratch:
        copy = Path(scratch) / path.name
        filesystem(path).get(path.path, str(copy), recursive=path.is_dir())
        yield copy


class Found(NamedTuple):
    """A file in a store: bytes, and what its file system says of its content (None: nothing)."""

    size: int
    tag: str | None


def listing(folder: Place) -> dict[str, Found]:
    """Every file below a folder, by relative name; empty where there is none."""
    if isinstance(folder, Path):
        return {path.relative_to(folder).as_posix(): Found(path.stat().st_size, None) for path in folder.rglob("*") if path.is_file()}
    start = len(folder.path.rstrip("/")) + 1
    found = filesystem(folder).find(folder.path, detail=True)
    return {name[start:]: Found(int(info["size"]), _tag(info)) for name, info in found.items()}


def upload(sources: Mapping[Path, UPath]) -> None:
    """Copy files to URLs of one store, side by side where it can; each appears whole."""
    if not sources:
        return
    files, targets = filesystem(next(iter(sources.values()))), [target.path for target in sources.values()]
    for parent in {target.rpartition("/")[0] for target in targets}:
        files.makedirs(parent, exist_ok=True)  # a folder is nothing on S3; file systems that have them want them made
    files.put([str(source) for source in sources], targets)


def read_texts(folder: UPath) -> dict[str, str]:
    """The text of every file below a folder at a URL, by relative name, read side by side."""
    names = {str(folder.path).rstrip("/") + f"/{name}": name for name in listing(folder)}
    found = filesystem(folder).cat(list(names)) if names else {}
    return {names["/" * path.startswith("/") + path.strip("/")]: content.decode() for path, content in found.items()}


def write_text(path: Place, text: str) -> None:
    """Write a small file, and the folders that it needs, so that readers see the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(path, Path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text)
        os.replace(temporary, path)
    else:
        path.write_text(text)  # an upload is whole or not there


def write_pointer(folder: Path, where: Place) -> None:
    """State in a folder of the repository that its files lie elsewhere."""
    (folder / POINTER).write_text(json.dumps({"place": str(where)}, indent=1, sort_keys=True) + "\n")


def remove(folder: Place) -> None:
    """Remove a folder with all that is in it, if it is there."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(FileNotFoundError):
        filesystem(folder).rm(folder.path, recursive=True)


def forget_unpublished(kept: Place) -> None:
    """Remove the versions of an artefact that have no manifest: a killed run of other parameters began them."""
    found = listing(kept)  # fails when nobody answers, where `is_file` would say no
    for version in sorted({name.partition("/")[0] for name in found}):
        if f"{version}/{MANIFEST}" not in found:
            remove(kept / version)


def check(store: str, root: Path) -> None:
    """Write a byte to the store and remove it, so that no stage works for hours only to find that its result cannot be stored.

    Raises:
        UserError: the protocol or a package is missing, nobody answers, there is no such bucket, credentials do not suffice, or what is
            written lasts no longer than a process.
    """
    start = folder_of(store, root, root)
    if start is None:
        return
    if not isinstance(start, Path) and start.protocol == "memory":
        raise UserError(
            f"base.store: {store}: memory:// ends with its process, and every stage and worker is one of its own\n"
            f"next: name a folder, or a URL of {', '.join(sorted(_INSTALL))} or another protocol of fsspec"
        )
    probe = start / f".probe-{uuid.uuid4().hex}"
    logging.getLogger("s3fs").setLevel(logging.ERROR)
    try:
        if isinstance(probe, Path):  # elsewhere this would make a bucket of a misspelt name
            probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except Exception as error:  # every protocol has its own
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"base.store: {store}: cannot be written ({said})\n"
            "next: check the address, that the bucket exists, and the credentials and endpoint in the environment "
            "(for S3 AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE, and AWS_ENDPOINT_URL)"
        ) from None


def connected(store: str) -> AbstractContextManager[None]:
    """Context manager: a connection to the store that breaks inside the block is raised as `ConnectionLost` (`errors.connection`)."""
    return nullcontext() if isinstance(place(store), Path) else connection(f"base.store: {store}")


def _tag(info: Mapping[str, Any]) -> str | None:
    return next((str(info[name]).strip('"') for name in _TAGS if info.get(name)), None)
