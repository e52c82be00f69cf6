"""A network as a chain of named layers, of which some are returned and those behind the last of them are never built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Layer(NamedTuple):
    """One link of the chain.

    Attributes:
        name: what a caller asks for.
        channels: of its output.
        stride: image pixels per cell of its output.
        aliases: other names of the same output, such as `layer3` for the last block of that stage.
    """

    name: str
    channels: int
    stride: int
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names of this output."""
        return (self.name, *self.aliases)


class StagedBackbone(nn.Module):
    """What networks with chosen outputs share; a subclass builds the modules of `self.chain` under the names of its public weights.

    Attributes:
        chain: the layers that are built, in order; the last one is returned.
        returned: the names that were asked for, in chain order.
        channels: of the returned maps.
        strides: of the returned maps.
    """

    chain: tuple[Layer, ...]
    returned: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The returned maps, in chain order.

        Args:
            images: (N, 3, H, W) float, normalised as the weights want it; any H and W.

        Returns:
            (N, C, ceil(H / stride), ceil(W / stride)) for each of `returned`.
        """
        raise NotImplementedError


def select(layers: Sequence[Layer], wanted: Sequence[str], network: str) -> tuple[tuple[Layer, ...], tuple[Layer, ...]]:
    """The layers to build and, among them, the layers to return.

    Args:
        layers: the whole chain.
        wanted: names or aliases, in any order.
        network: its name, for the message.

    Raises:
        ValueError: no layer is wanted, or one is wanted twice or unknown.
    """
    known = {name: place for place, layer in enumerate(layers) for name in layer.names}
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise ValueError(f"{network} has no layer {', '.join(unknown) or '(none named)'}; it has {', '.join(known)}")
    places = sorted({known[name] for name in wanted})
    if len(places) < len(wanted):
        raise ValueError(f"{network}: a layer is named twice in {', '.join(wanted)}")
    return tuple(layers[: places[-1] + 1]), tuple(layers[place] for place in places)


def strided(factors: Sequence[int], largest: int) -> list[tuple[int, int]]:
    """(stride of the layer, stride of its output) of a chain whose layers have these strides, with 1 once `largest` is reached.

    `strided([2, 2, 2, 2], 8)` is `[(2, 2), (2, 4), (2, 8), (1, 8)]`. Nothing is dilated in exchange (UniTrack, section 3).
    """
    reached, result = 1, []
    for factor in factors:
        step = factor if reached * factor <= largest else 1
        reached *= step
        result.append((step, reached))
    return result
