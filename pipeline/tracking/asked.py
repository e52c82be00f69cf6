"""The part of a network that trackers need (`AskingTracker`), as a module of its own with its share of the network's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel

from pipeline.artifacts.publication import file_digest
from pipeline.artifacts.store import Place
from pipeline.contract.spec import ModelSpec
from pipeline.errors import UserError
from pipeline.files import model_folder

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Asked:
    """The part of a published network that its trackers ask.

    Attributes:
        network: in evaluation mode, on the device that a detector of this process lies on.
        weights: SHA-256 of the weights file that it comes from.
    """

    network: nn.Module
    weights: str


def asks(spec: ModelSpec) -> bool:
    """Whether trackers of a model ask its network."""
    return spec.association.network is not None


def load_asked(spec: ModelSpec, options: BaseModel, folder: Place) -> Asked | None:
    """Load the part that trackers ask from a published model folder, and nothing else of it; None for a model whose trackers ask nothing.

    Args:
        spec: the model of the folder's card.
        options: its checked options.
        folder: holds weights.safetensors.

    Raises:
        UserError: the folder holds no weights, or those of another architecture.
    """
    if not asks(spec):
        return None
    path = folder / model_folder.WEIGHTS
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    part = _filled(spec, options, model_folder.read_part(path, spec.association.prefix), str(path))
    return Asked(part.to(device), file_digest(path))


def part_of(network: nn.Module, spec: ModelSpec, options: BaseModel) -> nn.Module | None:
    """A copy of the part of a network that trackers ask, on its device; None for a model whose trackers ask nothing."""
    if not asks(spec):
        return None
    prefix = spec.association.prefix
    tensors = {name.removeprefix(prefix): tensor for name, tensor in network.state_dict().items() if name.startswith(prefix)}
    return _filled(spec, options, tensors, "the network").to(next(network.parameters()).device)


def _filled(spec: ModelSpec, options: BaseModel, tensors: Mapping[str, Tensor], where: str) -> nn.Module:
    build = spec.association.network
    assert build is not None
    part = build(options)
    wanted = {name: tensor.shape for name, tensor in part.state_dict().items()}
    held = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = [name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name)]
    if wrong:
        raise UserError(
            f"{where}: the part that trackers ask ({spec.association.prefix}*) fits only in part: {', '.join(sorted(wrong)[:5])}; "
            "weights of other model.network options?\nnext: train with these options, or track with those of the model's card"
        )
    part.load_state_dict(tensors)
    return part.eval().requires_grad_(False)
