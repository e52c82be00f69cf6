"""No re-identification (FairMOT w/o in Table 1): the embedding head stays as it was, and tracks are joined by motion and overlap."""

from __future__ import annotations

from torch import Tensor, nn


class Nothing(nn.Module):
    """A loss of 0, whose gradients of 0 reach the embedding head, as data-parallel training needs."""

    def forward(self, embeddings: Tensor, valid: Tensor, same_scene: Tensor, identities: Tensor | None) -> dict[str, Tensor]:
        """See models/embedding/objectives.py."""
        return {"reid": 0.0 * embeddings.sum()}
