"""A lock by which one process at a time makes a stage's output, and by which the next one learns what was left unfinished.

The lock is the kernel's (`flock`), so that it goes with its process however that ends. A second process waits and says for whom: the stage
that a killed `dvc repro` left behind, say, whose result it then finds finished and takes over.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pipeline.errors import UserError

FOLDER = Path(".throughline") / "locks"
POLL_SECONDS, SECONDS_BETWEEN_LINES = 0.2, 30.0


@dataclass(frozen=True)
class Turn:
    """The right to make a stage's output.

    Attributes:
        unfinished: fingerprint of the work that an earlier process began and did not end, such as a training that was published and not yet
            registered; empty: none.
    """

    unfinished: str
    _file: TextIO

    def begin(self, fingerprint: str) -> None:
        """Note that work begins."""
        self._note({"process": os.getpid(), "unfinished": fingerprint})

    def end(self) -> None:
        """Note that all of it is done."""
        self._note({})

    def _note(self, body: dict[str, Any]) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(body))
        self._file.flush()


@contextmanager
def turn(stage: str, root: Path) -> Iterator[Turn]:
    """Wait until no other process makes a stage's output, and keep others from it during the block.

    Raises:
        UserError: another process makes it and is stopped, so that waiting would not end.
    """
    path = root / FOLDER / f"{stage}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _wait(file, stage)
        yield Turn(str(_noted(file).get("unfinished", "")), file)


def _wait(file: TextIO, stage: str) -> None:
    said = -SECONDS_BETWEEN_LINES
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _noted(file).get("process")
            who = "another process" if holder is None else f"process {holder}"
            if holder is not None and _is_stopped(int(holder)):
                raise UserError(f"{stage}: {who} makes its output and is stopped\nnext: `kill -CONT {holder}`, or end it") from None
            if time.monotonic() - said >= SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                print(f"{stage}: {who} is making its output; waiting for it to end", file=sys.stderr, flush=True)
            time.sleep(POLL_SECONDS)


def _noted(file: TextIO) -> dict[str, Any]:
    file.seek(0)
    try:
        found = json.loads(file.read())
    except ValueError:  # empty, or half written when a machine went down
        return {}
    return found if isinstance(found, dict) else {}


def _is_stopped(process: int) -> bool:
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except OSError:
        return False
