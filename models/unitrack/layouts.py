"""Names of published self-supervised weights, brought to the backbone's own (Tables 1 and 2).

A file of such a method holds the network under a prefix, beside a second encoder, a queue or a projection that no tracking task needs.
Nothing is dropped silently: what is left out is named.
"""

from __future__ import annotations

import re
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
# The ResNet of Hugging Face's transformers, by itself or below `resnet.` of a classifier; timm's has torchvision's names.
TRANSFORMERS, STEM = "transformers", "embedder.embedder."
_STEM = re.compile(r"embedder\.embedder\.(?P<kind>convolution|normalization)\.")
_BLOCK = re.compile(
    r"encoder\.stages\.(?P<stage>\d+)\.layers\.(?P<block>\d+)\.(layer\.(?P<place>\d+)|shortcut)\.(?P<kind>convolution|normalization)\."
)
OWN = "backbone."  # of the names in a published `Representation`


class Adapted(NamedTuple):
    """A file's tensors under the backbone's names.

    Attributes:
        layout: a value of `PREFIXES`, `transformers` or `plain`.
        tensors: name to tensor.
        left_out: names of the file that lie outside the prefix or, of transformers, outside the backbone.
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
    stem = next((name for name in state if STEM in name), None)
    if stem is not None:
        return _of_transformers(state, stem.partition(STEM)[0])
    for prefix, layout in PREFIXES.items():
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if inside:
            left_out = tuple(name for name in state if not name.startswith(prefix))
            return Adapted(layout, {name: _flat(value) for name, value in inside.items()}, left_out)
    return Adapted(PLAIN, {name: _flat(value) for name, value in state.items()}, ())


def foreign_names(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """What `System.foreign_names` promises: a published file's tensors by the names of a `Representation`.

    A file with names of a `Representation` is returned as it is; tensors outside the prefix keep their names.
    """
    if any(name.startswith(OWN) for name in state):
        return state
    adapted = adapt(state)
    return {OWN + name: value for name, value in adapted.tensors.items()} | {name: state[name] for name in adapted.left_out}


def _of_transformers(state: Mapping[str, Tensor], prefix: str) -> Adapted:
    """ResNetModel's tensors by torchvision's names: stages count from 1 there, and so do the convolutions of a block."""
    named = {name: _torchvision(name.removeprefix(prefix)) for name in state if name.startswith(prefix)}
    tensors = {new: state[name] for name, new in named.items() if new is not None}
    return Adapted(TRANSFORMERS, tensors, tuple(name for name in state if named.get(name) is None))


def _torchvision(name: str) -> str | None:
    """torchvision's name of a tensor of ResNetModel; None where it has none."""
    if at := _STEM.match(name):
        return ("conv1." if at["kind"] == "convolution" else "bn1.") + name[at.end() :]
    if at := _BLOCK.match(name):
        convolution = at["kind"] == "convolution"
        shortcut = at["place"] is None
        part = f"downsample.{0 if convolution else 1}" if shortcut else f"{'conv' if convolution else 'bn'}{int(at['place']) + 1}"
        return f"layer{int(at['stage']) + 1}.{at['block']}.{part}.{name[at.end() :]}"
    return None


def _flat(value: Tensor) -> Tensor:
    return value[:, :, 0] if value.dim() == 5 and value.shape[2] == 1 else value
