"""The interface that readers of small files need: of a path, of a file in an archive, or of a file at a URL."""

from __future__ import annotations

from typing import Protocol


class Readable(Protocol):
    """A file that is read whole; `str` of it is its address, for messages."""

    def read_bytes(self) -> bytes:
        """The whole content of the file."""
        ...
