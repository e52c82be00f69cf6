"""Masks that several tests look at: golden H's truth and result, and one without a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 24, 32


def rectangle(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> NDArray[np.bool_]:
    """(H, W) bool; the last row and column are inside."""
    mask = np.zeros(size, np.bool_)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


TRUTH, RESULT, EMPTY = rectangle(6, 17, 8, 19), rectangle(7, 17, 8, 23), np.zeros((HEIGHT, WIDTH), np.bool_)
