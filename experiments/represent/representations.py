"""representations.yaml: networks with weights, whose maps are judged."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import Field, model_validator

from experiments.represent import weights_folder
from experiments.represent.dense_maps import DenseMaps, Level
from models import of_card
from models.dense.network import CentreNetwork
from models.unitrack.layouts import foreign_names
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from pipeline.artifacts.digests import file_digest
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.params.file import digest, read, validate
from pipeline.params.sections.common import Section
from pipeline.registry.model_source import REGISTRY

HERE = "experiments/represent"
RANDOM, PUBLISHED = "random", "published"
HUB = "hf:"  # hf:OWNER/NAME or hf:OWNER/NAME@REVISION of Hugging Face's hub


class Published(Section):
    """A model that was trained here, OUTrack's or CenterTrack's."""

    folder: str = Field(
        description="of the model, absolute or from the repository (artifacts/finetune), or models:/NAME@ALIAS, models:/NAME/N"
    )
    level: Level = Field(description="whose map: stride8, or stride4 or the embedding, both pooled to stride 8")


class Entry(Section):
    """One representation: a public network or a model of ours."""

    network: RepresentationOptions | None = None
    model: Published | None = None
    weights: str = Field(
        min_length=1,
        description="a file or a folder with one, absolute or from the repository; models:/NAME@ALIAS; hf:OWNER/NAME of Hugging Face's "
        "hub; of a model `published`; or `random`",
    )
    starts: int = Field(1, ge=1, description="how many random starts are judged, of the seeds base.seed, base.seed + 1, ...")
    facts: dict[str, float] = Field(default_factory=dict, description="what else is known of it, to be set beside its scores")

    @model_validator(mode="after")
    def _one_of_both(self) -> Entry:
        if (self.network is None) == (self.model is None):
            raise ValueError("names either a network or a model")
        if self.model is not None and self.weights not in (PUBLISHED, RANDOM):
            raise ValueError(f"weights of a model are {PUBLISHED} or {RANDOM}")
        if self.starts > 1 and self.weights != RANDOM:
            raise ValueError("starts are of random weights; others have one")
        return self

    @property
    def registered(self) -> str | None:
        """The address of the model or the weights in the registry, such as `models:/NAME@ALIAS`; None where they lie elsewhere."""
        named = self.weights if self.model is None else self.model.folder
        return named if named.startswith(REGISTRY) else None

    @property
    def on_hub(self) -> str | None:
        """OWNER/NAME or OWNER/NAME@REVISION of Hugging Face's hub; None where its weights are not there."""
        return self.weights.removeprefix(HUB) if self.weights.startswith(HUB) else None

    def located(self, folder: Path) -> Entry:
        """The entry with its model, or its weights, in `folder`."""
        if self.model is None:
            return self.model_copy(update={"weights": str(folder)})
        return self.model_copy(update={"model": self.model.model_copy(update={"folder": str(folder)})})

    def weights_file(self, root: Path) -> Path | None:
        """The file of its weights; None for a random start.

        Raises:
            UserError: they are a folder in which no file, or more than one, may be meant.
        """
        if self.weights == RANDOM:
            return None
        if self.model is not None:
            return root / self.model.folder / model_folder.WEIGHTS
        there = root / self.weights
        return weights_folder.weights_file(there) if there.is_dir() else there


def identity(entry: Entry, root: Path, start: int) -> str:
    """Digest of all that decides a representation: network, layer, normalisation of its input, and weights or their seed.

    Raises:
        UserError: there is no such folder, or a file of it cannot be read.
    """
    path = entry.weights_file(root)
    weights = str(start) if path is None else file_digest(path) if path.is_file() else ""
    if entry.model is None:
        return digest(entry.network, weights)
    card = model_folder.load_model(root / entry.model.folder)
    return digest(card.name, card.options, entry.model.level, weights)


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
    """Build the network up to the entry's layer and fill every tensor of it; prints which tensors of the file have no place in it.

    Raises:
        UserError: the layer is unknown or not of stride 8, the file is missing or lacks a tensor, or a folder's config.json tells of
            another network or another input.
    """
    torch.manual_seed(seed)
    path = entry.weights_file(root)
    if entry.model is not None:
        return _ours(entry.model, path, root)
    assert entry.network is not None
    try:
        network = build(entry.network)
    except ValueError as error:
        raise UserError(f"{error}\nnext: set the entry's layer") from None
    if path is not None:
        if path != root / entry.weights:
            weights_folder.check(path.parent, entry.network)
        print(f"{path.name}: {model_folder.load(network, path, 1.0, foreign_names)}")
    return network


def _ours(model: Published, path: Path | None, root: Path) -> Representation:
    """A published model's map, of images as they are."""
    folder = root / model.folder
    card = model_folder.load_model(folder)
    spec, options = of_card(card.name, card.options, None, str(folder / model_folder.CARD))
    network = spec.build_network(options)
    if not isinstance(network, CentreNetwork):
        raise UserError(f"{folder}: {card.name} has no dense maps\nnext: name a model of outrack or centertrack")
    if path is not None:
        print(f"{folder}: {model_folder.load(network, path, 1.0)}")
    try:
        maps = DenseMaps(network, model.level)
    except ValueError as error:
        raise UserError(f"{folder}: {error}\nnext: set the entry's level") from None
    return Representation(maps, maps.channels, (0.0,) * 3, (1.0,) * 3)
