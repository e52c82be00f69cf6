"""Names of published self-supervised weights, brought to the backbone's own (Tables 1 and 2).

A file of such a method holds the network under a prefix, beside a second encoder, a queue or a projection that no tracking task needs.
Nothing is dropped without a word: what is left out is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

# Layout by prefix; the first one that a file has is taken, so that the more special ones come first.
PREFIXES = {
    "module.encoder_q.": "moco",
    "module.encoderVideo.": "timecycle",
    "module.gray_encoder.": "uvc",
    "module.encoder.": "vfs",
    "encoder.model.": "crw",
    "module.": "parallel",
}
PLAIN = "plain"
OWN = "backbone."  # of the names in a published `Representation`


class Adapted(NamedTuple):
    """A file's tensors under the backbone's names.

    Attributes:
        layout: a value of `PREFIXES`, or `plain`.
        tensors: name to tensor.
        left_out: names of the file that lie outside the prefix.
    """

    layout: str
    tensors: dict[str, Tensor]
    left_out: tuple[str, ...]


def adapt(state: Mapping[str, Tensor]) -> Adapted:
    """Find the layout of a state dict and strip it.

    Kernels (O, I, 1, k, k) of TimeCycle's video encoder lose the axis of time, which has length 1.

    Args:
        state: as it lies in the file under `state_dict`, `model` or nothing.
    """
    for prefix, layout in PREFIXES.items():
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if inside:
            left_out = tuple(name for name in state if not name.startswith(prefix))
            return Adapted(layout, {name: _flat(value) for name, value in inside.items()}, left_out)
    return Adapted(PLAIN, {name: _flat(value) for name, value in state.items()}, ())


def foreign_names(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Somebody's tensors by the names of a `Representation`, whose own stay as they are; what lies outside the prefix keeps its name."""
    if any(name.startswith(OWN) for name in state):
        return state
    adapted = adapt(state)
    return {OWN + name: value for name, value in adapted.tensors.items()} | {name: state[name] for name in adapted.left_out}


def _flat(value: Tensor) -> Tensor:
    return value[:, :, 0] if value.dim() == 5 and value.shape[2] == 1 else value
