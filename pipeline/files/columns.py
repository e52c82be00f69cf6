"""A column that grows by a few rows at a time.

For a long sequence, one array per frame would take more memory for the arrays' headers than for their rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LEAST = 1024  # rows of the first block


class Growing:
    """Rows in one block, which doubles when it is full.

    Args:
        kind: NumPy type of the numbers.
        shape: of a row.
        room: rows that the block has at first.
    """

    def __init__(self, kind: DTypeLike, *shape: int, room: int = 0) -> None:
        self._block, self._used = np.empty((room, *shape), kind), 0

    def add(self, rows: Any) -> None:
        """Append (N, *shape) numbers."""
        end = self._used + len(rows)
        if end > len(self._block):
            grown = np.empty((max(LEAST, end, 2 * len(self._block)), *self._block.shape[1:]), self._block.dtype)
            grown[: self._used] = self.rows
            self._block = grown
        self._block[self._used : end] = rows
        self._used = end

    def __len__(self) -> int:
        return self._used

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drop the rows where the mask (N,) is False."""
        left = self.rows[rows]
        self._block[: len(left)] = left
        self._used = len(left)

    def clear(self) -> None:
        """Begin anew, in the same block."""
        self._used = 0

    @property
    def rows(self) -> NDArray[Any]:
        """(N, *shape) all rows so far, as a view that is valid until the next change."""
        return self._block[: self._used]
