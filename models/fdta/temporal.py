"""Trajectories: the temporal adapter (FDTA, B.2), in which each sees its own past, and MOTIP's layers over what was seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.fdta.attention import SequenceLayer
from models.queries.positions import slot_positions


class TemporalAdapter(nn.Module):
    """Layers in which each trajectory attends to its own present and past, and to no other trajectory.

    Args:
        width: dimensions of an observation.
        heads: number of attention heads.
        hidden: width inside the layers.
        layers: number of layers.
        dropout: of the layers, their attention weights included.
    """

    def __init__(self, width: int, heads: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([SequenceLayer(width, heads, hidden, dropout, dropout) for _ in range(layers)])

    def forward(self, observations: Tensor, present: Tensor) -> Tensor:
        """Observations that have attended to their past, (N, T, width).

        Args:
            observations: (N, T, width) of N trajectories, oldest first, zeros where absent.
            present: (N, T) bool, False where a trajectory is absent.
        """
        hidden = forbidden(present)
        places = self._places(observations)
        for layer in self.layers:
            observations = layer(observations, places, hidden)
        return observations

    def weights(self, observations: Tensor, present: Tensor) -> Tensor:
        """The attention weights of the last layer, (N, T, T), averaged over heads (Fig. 12): rows attend to columns; see `forward`."""
        places, hidden = self._places(observations), forbidden(present)
        for layer in list(self.layers)[:-1]:
            observations = layer(observations, places, hidden)
        weights: Tensor = self.layers[-1].weights(observations, places, hidden)  # type: ignore[operator]
        return weights

    def _places(self, observations: Tensor) -> Tensor:
        """Positions of the time slots, (1, T, width), of the observations' precision."""
        return slot_positions(observations.shape[1], observations.shape[2], observations.device).to(observations.dtype)[None]


class TrajectoryLayers(nn.Module):
    """MOTIP's two residual blocks over each observation of the past; what is seen now does not pass them.

    Args:
        width: dimensions of an observation.
        hidden: width inside the blocks.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.adapter, self.norm = FeedForward(width, hidden), nn.LayerNorm(width)
        self.ffn, self.ffn_norm = FeedForward(width, hidden), nn.LayerNorm(width)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, observations: Tensor) -> Tensor:
        """(..., width) to (..., width)."""
        x = self.norm(observations + self.adapter(observations))
        result: Tensor = self.ffn_norm(x + self.ffn(x))
        return result


class FeedForward(nn.Module):
    """Two linear layers around GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., width)."""
        result: Tensor = self.linear2(functional.gelu(self.linear1(x)))
        return result


def forbidden(present: Tensor) -> Tensor:
    """Where an observation (row) may not attend (column): later frames, and frames where its trajectory is absent, except itself.

    Args:
        present: (N, T) bool.

    Returns:
        (N, T, T) bool.
    """
    frames = present.shape[1]
    later = torch.ones(frames, frames, dtype=torch.bool, device=present.device).triu(1)
    self_only = torch.eye(frames, dtype=torch.bool, device=present.device)
    return later | (~present[:, None] & ~self_only)
