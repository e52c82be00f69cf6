"""Finished parts of a run: what one sequence adds to the scores of one task, kept on disk so that a killed run goes on.

A part is a file of a line with the key of all that it depends on, a line with the digest of the rest, and the pickled result. It is
read by this repository alone, from its own folder. A part of another key, or one that is damaged, counts as missing.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.represent.shown import Shown


@dataclass(frozen=True)
class Part:
    """One task in one sequence, for one representation; picklable.

    Attributes:
        path: its file.
        key: digest of representation, weights, options, code and data.
        task: key of `tasks.TASKS`.
        shown: the sequence.
    """

    path: Path
    key: str
    task: str
    shown: Shown

    @property
    def done(self) -> bool:
        """Whether its file exists, is whole and has this key."""
        return self._body() is not None

    def result(self) -> Any:
        """The result that was written.

        Raises:
            ValueError: the part is not done.
        """
        body = self._body()
        if body is None:
            raise ValueError(f"{self.path}: not finished")
        return pickle.loads(body)

    def write(self, found: Any) -> None:
        """Write a result, which must be picklable, in one step: readers see a whole file or none."""
        body = pickle.dumps(found, protocol=5)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        with temporary.open("wb") as stream:
            stream.write(f"{self.key}\n{_digest(body)}\n".encode() + body)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self.path)

    def _body(self) -> bytes | None:
        try:
            key, digest, body = self.path.read_bytes().split(b"\n", 2)
        except (OSError, ValueError):
            return None
        return body if key.decode(errors="replace") == self.key and digest.decode(errors="replace") == _digest(body) else None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
