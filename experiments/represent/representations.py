"""representations.yaml: networks with weights, whose maps are judged."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import Field

from models.unitrack.layouts import foreign_names
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.params.file import read, validate
from pipeline.params.sections.common import Section

RANDOM = "random"


class Entry(Section):
    """One representation."""

    network: RepresentationOptions
    weights: str = Field(description="a file, absolute or from the repository, or `random`")
    facts: dict[str, float] = Field(default_factory=dict, description="what else is known of it, to be set beside its scores")


class _File(Section):
    entries: dict[str, Entry]


def read_entries(path: Path) -> dict[str, Entry]:
    """All entries of a file, in its order.

    Raises:
        UserError: the file is missing, or an entry cannot be used.
    """
    return validate(_File, {"entries": read(path)}, where=str(path)).entries


def chosen(entries: dict[str, Entry], names: list[str], where: Path) -> dict[str, Entry]:
    """The entries of these names, or all of them for `all`.

    Raises:
        UserError: there is no such entry.
    """
    if names == ["all"]:
        return entries
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise UserError(f"{where}: no representation {', '.join(unknown)}; there are: {', '.join(entries)}\nnext: name one, or add it")
    return {name: entries[name] for name in names}


def load(entry: Entry, root: Path, seed: int) -> Representation:
    """Build the network up to the entry's layer and fill every tensor of it; says which tensors of the file have no place.

    Raises:
        UserError: the layer is unknown or not of stride 8, the file is missing, or it lacks a tensor.
    """
    torch.manual_seed(seed)
    try:
        network = build(entry.network)
    except ValueError as error:
        raise UserError(f"{error}\nnext: set the entry's layer") from None
    if entry.weights != RANDOM:
        path = root / entry.weights
        print(f"{path.name}: {model_folder.load(network, path, 1.0, foreign_names)}")
    return network
