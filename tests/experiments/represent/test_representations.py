"""Entries of the file, their weights, and what is kept of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.represent.representations import Entry, chosen, identity, load, read_entries
from models.unitrack.network import build
from models.unitrack.options import RepresentationOptions
from pipeline.errors import UserError
from tests.shared import ROOT
from tests.stages.repository import model_folder

FILE = ROOT / "experiments" / "represent" / "representations.yaml"
SMALL = {"network": "mobilenet_v2", "layer": "features.4"}


def _entry(weights: str = "random", **network: str) -> Entry:
    return Entry.model_validate({"network": SMALL | network, "weights": weights})


def test_every_entry_is_of_a_layer_that_exists() -> None:
    for entry in read_entries(FILE).values():
        if entry.network is not None:
            build(entry.network)


def test_names_are_chosen_or_refused() -> None:
    entries = {"a": _entry(), "b": _entry()}
    assert list(chosen(entries, ["b"], FILE)) == ["b"]
    assert chosen(entries, ["all"], FILE) == entries
    with pytest.raises(UserError, match="no representation c; there are: a, b"):
        chosen(entries, ["a", "c"], FILE)


def test_a_random_start_is_the_seeds(tmp_path: Path) -> None:
    one, again, other = (load(_entry(), tmp_path, seed).state_dict()["backbone.features.0.0.weight"] for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_foreign_weights_must_fill_the_network_and_more_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(3)
    theirs = build(RepresentationOptions.model_validate(SMALL)).backbone.state_dict()
    torch.save({"module.encoder_q." + name: value for name, value in theirs.items()} | {"module.queue": torch.zeros(2)}, tmp_path / "w.pth")
    network = load(_entry("w.pth"), tmp_path, 0)
    assert torch.equal(network.backbone.state_dict()["features.0.0.weight"], theirs["features.0.0.weight"])
    assert "unused: queue" in capsys.readouterr().out
    with pytest.raises(UserError, match="fits the network only in part"):
        load(_entry("w.pth", layer="features.6"), tmp_path, 0)


def test_a_layer_of_another_stride_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not of 1/8.*\nnext: "):
        load(_entry(layer="features.1"), tmp_path, 0)


@pytest.mark.parametrize(("level", "channels"), [("stride4", 8), ("stride8", 16), ("embedding", 8)])
def test_a_model_of_ours_is_seen_at_stride_8(tmp_path: Path, level: str, channels: int) -> None:
    """Of a picture whose sides are no multiples of 32; trained and random weights differ."""
    model_folder(tmp_path / "m")
    entry = {"model": {"folder": "m", "level": level}}
    published, start = (load(Entry.model_validate(entry | {"weights": kind}), tmp_path, 7) for kind in ("published", "random"))
    image = torch.rand(1, 3, 72, 100, generator=torch.Generator().manual_seed(0))
    assert published(image).features.shape == (1, channels, 9, 13)
    assert not torch.equal(published(image).features, start(image).features)


def test_a_model_without_embedding_is_a_users_mistake(tmp_path: Path) -> None:
    model_folder(tmp_path / "m", system="centertrack")
    entry = Entry.model_validate({"model": {"folder": "m", "level": "embedding"}, "weights": "published"})
    with pytest.raises(UserError, match="has no embedding; name stride4 or stride8"):
        load(entry, tmp_path, 0)


def test_an_entry_names_one_thing() -> None:
    with pytest.raises(ValueError, match="either a network or a model"):
        Entry.model_validate({"weights": "random"})
    with pytest.raises(ValueError, match="published or random"):
        Entry.model_validate({"model": {"folder": "m", "level": "stride8"}, "weights": "a.pth"})
    with pytest.raises(ValueError, match="starts are of random weights"):
        Entry.model_validate({"network": SMALL, "weights": "a.pth", "starts": 3})


def test_what_decides_a_representation_names_it(tmp_path: Path) -> None:
    """Facts beside it, and the seed of weights that were given, do not."""
    (tmp_path / "a.pth").write_bytes(b"1")
    given, other = _entry("a.pth"), _entry("a.pth", layer="features.6")
    first = identity(given, tmp_path, 0)
    assert first == identity(given.model_copy(update={"facts": {"imagenet_top1": 75.1}}), tmp_path, 1)
    assert identity(_entry(), tmp_path, 0) != identity(_entry(), tmp_path, 1)
    (tmp_path / "a.pth").write_bytes(b"2")
    assert len({first, identity(given, tmp_path, 0), identity(other, tmp_path, 0)}) == 3
    model_folder(tmp_path / "m")
    ours = [Entry.model_validate({"model": {"folder": "m", "level": level}, "weights": "random"}) for level in ("stride4", "stride8")]
    assert identity(ours[0], tmp_path, 0) != identity(ours[1], tmp_path, 0)
