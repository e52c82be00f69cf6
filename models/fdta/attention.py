"""The layer that the depth encoder and the temporal adapter are made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from models.queries.attend import attend


class SequenceLayer(nn.Module):
    """Self-attention with positions in queries and keys, then two linear layers; each is added and normalised.

    Args:
        width: dimensions of an element.
        heads: number of attention heads.
        hidden: width between the two linear layers.
        dropout: share of activations that training zeroes.
        weight_dropout: share of attention weights that training zeroes.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, weight_dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, dropout=weight_dropout)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, positions: Tensor, forbidden: Tensor | None = None) -> Tensor:
        """Elements (N, S, width) to elements.

        Args:
            x: (N, S, width).
            positions: of a shape that broadcasts with `x`.
            forbidden: (N, S, S) bool, True where the element of a row may not attend to that of a column; no row may be True throughout.
        """
        placed = x + positions
        seen = attend(self.self_attn, placed, placed, x, attn_mask=self._by_head(forbidden), need_weights=False)[0]
        x = self.norm1(x + self.dropout(seen))
        hidden = self.linear2(self.dropout(functional.relu(self.linear1(x))))
        result: Tensor = self.norm2(x + self.dropout(hidden))
        return result

    def weights(self, x: Tensor, positions: Tensor, forbidden: Tensor | None = None) -> Tensor:
        """The attention weights (N, S, S) of this layer for its input, averaged over heads; rows attend to columns. See `forward`."""
        placed = x + positions
        weights = attend(self.self_attn, placed, placed, x, attn_mask=self._by_head(forbidden), need_weights=True)[1]
        assert weights is not None
        return weights

    def _by_head(self, forbidden: Tensor | None) -> Tensor | None:
        return None if forbidden is None else forbidden.repeat_interleave(self.self_attn.num_heads, 0)
