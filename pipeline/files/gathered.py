"""Byte strings one after another in one buffer, which is how Arrow stores a column of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.files.columns import Growing


class Gathered:
    """A growing column of byte strings: each is copied once, while it is still in the processor's cache, into a buffer that is reused.

    Args:
        room: bytes that the buffer has at first; it grows where they are not enough.
    """

    def __init__(self, room: int) -> None:
        self._bytes, self._ends = Growing(np.uint8, room=room), [0]

    def add(self, text: bytes) -> None:
        """Append a row."""
        self._bytes.add(np.frombuffer(text, np.uint8))
        self._ends.append(len(self._bytes))

    def array(self) -> pa.Array:
        """The rows, as binary with 32-bit offsets; shares the buffer, so it is good until the next `clear`."""
        offsets = pa.py_buffer(np.array(self._ends, np.int32))
        return pa.Array.from_buffers(pa.binary(), len(self._ends) - 1, [None, offsets, pa.py_buffer(self._bytes.rows)])

    def clear(self) -> None:
        """Begin anew."""
        self._bytes.clear()
        self._ends = [0]
