"""One file over HTTP: goes on where a broken download stopped, and never joins the halves of two different files.

What was received lies in NAME.part, and what the server said of the file (its ETag or date) in NAME.part.json. The next request asks for
the rest if the file is still that one (Range and If-Range, RFC 9110 section 13.1.5). A server that cannot, or has another file by now,
sends all of it anew.
"""

from __future__ import annotations

import errno
import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError, trusted
from pipeline.runtime.progress import Progress

ATTEMPTS = 6  # in a row that brought nothing
TIMEOUT = 60.0  # seconds without a byte
CONNECT = 4.0  # seconds for the first connection
FIRST_WAIT = 1.0  # seconds before the second attempt; doubles
_CHUNK = 1 << 20
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class File:
    """A file to get.

    Attributes:
        url: http or https.
        size: bytes; None: as the server says.
        sha256: hex; None: not known.
    """

    url: str
    size: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Last part of the address."""
        return self.url.partition("?")[0].rpartition("/")[2]


class _Broken(Exception):
    """The connection ended early; another attempt may help."""


def download(file: File, path: Path, first_wait: float = FIRST_WAIT) -> str:
    """Download a file, whole and checked, or not at all; return its SHA-256 (hex).

    Args:
        file: what to download.
        path: where the file appears once it is whole.
        first_wait: seconds before a second attempt.

    Raises:
        UserError: there is no way to the server (said within five seconds), it refuses or keeps breaking off, or what came is not what
            was announced.
    """
    _check_connection(file.url)
    part, barren = path.with_name(path.name + ".part"), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    longest = _length(part)
    while True:
        try:
            _attempt(file, part)
            break
        except (_Broken, urllib.error.URLError, http.client.HTTPException, OSError) as error:
            _refused(file, part, error)
            barren = 0 if _length(part) > longest else barren + 1
            longest = max(longest, _length(part))
            if barren >= ATTEMPTS:
                raise UserError(
                    f"{file.url}: {error}; {_length(part):,} bytes are here\nnext: run the same command again, it goes on from there"
                ) from None
            time.sleep(first_wait * 2**barren)
    digest = _checked(file, part)
    _notes(part).unlink(missing_ok=True)
    part.replace(path)
    return digest


def _check_connection(url: str) -> None:
    """Connect once before anything is asked for, to the server or the proxy that leads to it: without a network it is said at once."""
    parts = urllib.parse.urlsplit(url)
    proxy = None if urllib.request.proxy_bypass(parts.netloc) else urllib.request.getproxies().get(parts.scheme)
    way = urllib.parse.urlsplit(proxy if proxy is None or "//" in proxy else f"//{proxy}") if proxy else parts
    port = way.port or (443 if way.scheme == "https" else 80)
    said: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((way.hostname or "", port), CONNECT).close()
            said.append("")
        except OSError as error:
            said.append(str(error.strerror or error))

    waiting = threading.Thread(target=connect, daemon=True)  # a name that nobody resolves may take minutes
    waiting.start()
    waiting.join(CONNECT)
    reason = said[0] if said else f"no answer within {CONNECT:g} s"
    if reason:
        raise UserError(
            f"{url}: there is no connection to {way.hostname} ({reason})\nnext: check the network, and the proxy where there is one"
        )


def _noted(notes: Path) -> dict[str, Any]:
    """What was said of the part when it was received; nothing where that cannot be read, so that the file is asked for anew."""
    try:
        found = json.loads(notes.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _attempt(file: File, part: Path) -> None:
    """Ask for what is missing and append it."""
    have, notes = _length(part), _notes(part)
    known = _noted(notes)
    same = known.get("url") == file.url and known.get("validator")
    if not same:
        have = 0
    elif have == known.get("total"):
        return
    request = urllib.request.Request(file.url, headers={"Accept-Encoding": "identity", "User-Agent": "throughline"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known["validator"])
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            total = _continues(response.headers.get("Content-Range", ""), have, part)
        else:
            have, total = 0, _number(response.headers.get("Content-Length"))
            write_text(notes, json.dumps({"url": file.url, "validator": _validator(response.headers), "total": total}))
        _expect(file, total)
        _receive(response, part, have, file.size if total is None else total)


def _receive(response: Any, part: Path, have: int, total: int | None) -> None:
    with part.open("ab" if have else "wb") as sink, Progress(f"Fetching {part.stem}", (total or 0) // _CHUNK, "MiB") as bar:
        bar.advance(have // _CHUNK)
        while chunk := response.read(_CHUNK):
            have += len(chunk)
            if total is not None and have > total:
                break
            sink.write(chunk)
            bar.advance()
    if total is not None and have != total:
        raise _Broken(f"the connection ended after {have:,} of {total:,} bytes")


def _continues(content_range: str, have: int, part: Path) -> int | None:
    """The file's length, when the answer starts where the part ends."""
    unit, _, rest = content_range.partition(" ")
    span, _, total = rest.partition("/")
    if unit != "bytes" or _number(span.partition("-")[0]) != have:
        part.unlink()
        raise _Broken(f"the server sent {content_range!r} where bytes from {have} were asked for")
    return _number(total)


def _expect(file: File, total: int | None) -> None:
    if file.size is not None and total is not None and total != file.size:
        raise UserError(
            f"{file.url}: the server has {total:,} bytes, {file.size:,} were expected\n"
            "next: the address asks for a login, or the set was published anew; look there, and correct the table"
        )


def _refused(file: File, part: Path, error: Exception) -> None:
    """Turn what no second attempt mends into the user's message."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise UserError(f"{part}: no space left on the disk; what came is kept\nnext: free space and run the same command again") from None
    trusted(file.url, error)
    if not isinstance(error, urllib.error.HTTPError) or error.code in _PASSING or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # the part does not fit the file that is there now
        part.unlink(missing_ok=True)
        return
    raise UserError(f"{file.url}: the server answers {error.code} {error.reason}\nnext: look whether the address is still right") from None


def _checked(file: File, part: Path) -> str:
    """SHA-256 of a complete part; a wrong one is deleted."""
    size, digest = _length(part), file_digest(part)
    wrong = (file.size not in (None, size) and f"{size:,} bytes, not {file.size:,}") or (
        file.sha256 not in (None, digest) and f"SHA-256 {digest}, not {file.sha256}"
    )
    if wrong:
        part.unlink()
        _notes(part).unlink(missing_ok=True)
        raise UserError(
            f"{file.url}: what came has {wrong}; it was deleted\nnext: fetch it again; if it stays so, the file was changed there"
        )
    return digest


def _validator(headers: Any) -> str | None:
    """What If-Range may name: a strong ETag, else the date."""
    tag = headers.get("ETag")
    found: str | None = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
    return found


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")
