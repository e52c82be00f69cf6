"""What readers of small files ask of a place: a path, or a file of an archive or at a URL."""

from __future__ import annotations

from typing import Protocol


class Readable(Protocol):
    """A file that is read whole; its text is its address."""

    def read_bytes(self) -> bytes:
        """All of it."""
        ...
