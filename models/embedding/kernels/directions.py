"""From embeddings to those of length 1, and from the gradient of these to that of the former."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.numerics.jit import reordering

Array = NDArray[Any]

_ZERO, _ONE = np.float32(0), np.float32(1)
_SHORTEST = np.float32(1e-12)  # as in torch.nn.functional.normalize


@reordering
def gather(embeddings: Array, valid: Array, unit: Array, lengths: Array) -> tuple[int, int, float]:
    """Write a pair's objects with length 1, those of the second frame after those of the first.

    Args:
        embeddings: (2, K, D) float32.
        valid: (2, K) bool.
        unit: (2 K, D) float32, of which as many rows are written as there are objects.
        lengths: (2 K,) float32, the same; what is no number stays so.

    Returns:
        Number of objects in the first frame and in both, and the mean similarity of two.
    """
    count = first = 0
    total = np.zeros(unit.shape[1], np.float32)
    alone: Any = 0.0
    for frame in range(2):
        first = count
        for slot in range(embeddings.shape[1]):
            if valid[frame, slot]:
                given, made = embeddings[frame, slot], unit[count]
                square = _ZERO
                for channel in range(len(given)):
                    square += given[channel] * given[channel]
                length = _SHORTEST if square < _SHORTEST * _SHORTEST else np.sqrt(square)
                factor = _ONE / length
                for channel in range(len(given)):
                    made[channel] = given[channel] * factor
                    total[channel] += made[channel]
                lengths[count] = length
                alone += square / (length * length)
                count += 1
    both = -alone
    for channel in range(len(total)):
        both += total[channel] * total[channel]
    return first, count, both / max(count * (count - 1), 1)


@reordering
def scatter(pull: Array, unit: Array, lengths: Array, valid: Array, share: np.float32, slopes: Array) -> None:
    """From the gradient of embeddings of length 1, (N, D), to a share of that of the given ones, (2, K, D); 0 where there is no object."""
    row = 0
    for frame in range(2):
        for slot in range(valid.shape[1]):
            if valid[frame, slot]:
                along, factor, line, direction, made = _ZERO, share / lengths[row], pull[row], unit[row], slopes[frame, slot]
                for channel in range(len(line)):
                    along += line[channel] * direction[channel]
                for channel in range(len(line)):
                    made[channel] = (line[channel] - along * direction[channel]) * factor
                row += 1
            else:
                slopes[frame, slot] = _ZERO
