"""Parts of a network that a stage leaves as they are: their parameters get no gradient, their norms keep their statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from pipeline.errors import UserError


def freeze(network: nn.Module, prefixes: Sequence[str], stage: str) -> None:
    """Take the parameters below some names out of training.

    Args:
        network: changed in place.
        prefixes: names of modules or parameters, such as `backbone` or `backbone.stem`; `backbone` does not mean `backbone2`.
        stage: whose setting it is.

    Raises:
        UserError: a name is nothing of the network, or nothing is left to train.
    """
    names = {name for name, _ in network.named_modules()} | {name for name, _ in network.named_parameters()}
    unknown = [prefix for prefix in prefixes if prefix not in names]
    if unknown:
        known = ", ".join(name for name, _ in network.named_children())
        raise UserError(f"{stage}.freeze: the network has no part {', '.join(unknown)}; it is made of {known}\nnext: correct the name")
    for name, parameter in network.named_parameters():
        if _is_below(name, prefixes):
            parameter.requires_grad_(False)
    if prefixes and not any(parameter.requires_grad for parameter in network.parameters()):
        raise UserError(f"{stage}.freeze: leaves nothing of the network to train\nnext: name less, or set {stage}.epochs to 0")


def hold(network: nn.Module, prefixes: Sequence[str]) -> None:
    """Keep the modules below some names in evaluation mode, so that batch norms neither move nor look at the batch."""
    for name, module in network.named_modules():
        if _is_below(name, prefixes):
            module.eval()


def _is_below(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
