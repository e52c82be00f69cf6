"""Operations on embeddings, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import compiled, reordering

Floats = NDArray[np.float32]
LEAST_LENGTH = np.float32(1e-12)


@reordering
def dot(first: Floats, second: Floats) -> Any:
    """Scalar product of two vectors (D,)."""
    total = np.float32(0)
    for k in range(len(first)):
        total += first[k] * second[k]
    return total


@compiled
def scale(vector: Floats) -> None:
    """Bring a vector (D,) to unit length, in place; zeros stay zeros."""
    length = max(np.sqrt(dot(vector, vector)), LEAST_LENGTH)
    for k in range(len(vector)):
        vector[k] = vector[k] / length


@compiled
def blend(average: Floats, seen: Floats, momentum: float) -> None:
    """Move a running average (D,) of unit length, in place, towards a sighting (D,) of any length; `momentum` is the average's weight."""
    length = max(np.sqrt(dot(seen, seen)), LEAST_LENGTH)
    old, new = np.float32(momentum), np.float32(1.0 - momentum)
    for k in range(len(average)):
        average[k] = old * average[k] + new * (seen[k] / length)
    scale(average)
