"""PyTorch's multi-head attention, called so that a batch of one is as quick as it can be."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def attend(attention: nn.MultiheadAttention, queries: Tensor, keys: Tensor, values: Tensor, **options: Any) -> tuple[Tensor, Tensor | None]:
    """What `attention` gives, with the batch first.

    A batch of one that is transposed keeps strides for which PyTorch multiplies row by row where no gradient is wanted: 18,000 products of
    one row instead of one of 18,000. Here it never is transposed; the bits are the same.

    Args:
        attention: made with `batch_first=False`.
        queries: (N, Q, width).
        keys: (N, S, width); the same tensor as `queries` in self-attention, which projects both at once.
        values: (N, S, width).
        options: of the attention's forward.

    Returns:
        (N, Q, width), and the weights (N, Q, S) where `need_weights` asks for them.
    """
    first = _sequence_first(queries)
    others = first if keys is queries else _sequence_first(keys)
    seen, weights = attention(first, others, others if values is keys else _sequence_first(values), **options)
    return seen.transpose(0, 1), weights


def _sequence_first(elements: Tensor) -> Tensor:
    return elements[0].unsqueeze(1) if len(elements) == 1 else elements.transpose(0, 1)
