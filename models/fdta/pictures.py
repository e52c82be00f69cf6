"""What the report draws of FDTA: where queries see depth, which frames trajectories see, how alike people look."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.fdta.network import AssociationNetwork, FdtaNetwork, FdtaOutputs
from models.fdta.spatial import STRIDE

Floats = NDArray[np.float32]


@torch.no_grad()
def depth_attention(network: FdtaNetwork, images: Tensor) -> tuple[FdtaOutputs, Floats]:
    """What the last decoder layer's queries look at among the depth tokens (Fig. 11).

    Args:
        network: with a spatial adapter, in evaluation mode.
        images: (N, 3, H, W) float RGB in [0, 1].

    Returns:
        The outputs, and (N, Q, h, w) weights of the cells of the tokens' stride, averaged over heads; a query's add up to 1.

    Raises:
        ValueError: the network has no spatial adapter.
    """
    spatial, layer = network.detector.spatial, network.detector.detr.decoder.layers[-1]
    if spatial is None:
        raise ValueError("a network without depth attention has none to show")
    seen: list[Any] = []
    attention: Any = layer.cross_attn_depth
    hook = attention.register_forward_pre_hook(lambda _, given: seen.append(given))
    try:
        outputs = network(images)
    finally:
        hook.remove()
    query, tokens = (given.transpose(0, 1) for given in seen[0][:2])  # attention takes sequences first
    weights = layer.depth_weights(query, tokens).float()  # type: ignore[operator]
    cell = STRIDE * spatial.pooled
    return outputs, weights.unflatten(2, (images.shape[2] // cell, images.shape[3] // cell)).cpu().numpy()


@torch.no_grad()
def temporal_attention(association: AssociationNetwork, past: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Which frames each frame of a trajectory looks at in the temporal adapter's last layer (Fig. 12).

    Args:
        association: with a temporal adapter, in evaluation mode.
        past: (N, T, width) raw queries, zeros where absent.
        seen: (N, T) bool.

    Returns:
        (N, T, T), averaged over heads; rows look at columns. Columns of absent frames and everything above the diagonal are 0, but
        for an absent frame's look at itself.

    Raises:
        ValueError: the network has no temporal adapter.
    """
    if association.temporal is None:
        raise ValueError("a network without temporal adapter has no attention over frames")
    device = next(association.parameters()).device
    found: Floats = association.temporal.weights(torch.from_numpy(past).to(device), torch.from_numpy(seen).to(device)).cpu().numpy()
    return found


def similarity(embeddings: Floats) -> tuple[Floats, float]:
    """Cosines of unit embeddings (N, D) of a frame's people (Fig. 13): (N, N), and their mean off the diagonal; 0 for fewer than two."""
    cosines = (embeddings @ embeddings.T).astype(np.float32)
    others = ~np.eye(len(cosines), dtype=bool)
    return cosines, float(cosines[others].mean()) if others.any() else 0.0
