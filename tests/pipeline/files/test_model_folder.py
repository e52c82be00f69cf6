"""Weights files: equal bytes, and an account of every tensor that did or did not fit."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.files.model_folder import ModelCard, load_model
from tests.pipeline.tiny import TinyNetwork


def network(channels: int = 4, seed: int = 0) -> TinyNetwork:
    torch.manual_seed(seed)
    return TinyNetwork(channels)


def same(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


def test_saved_weights_come_back_and_bytes_repeat(tmp_path: Path) -> None:
    first, second = network(seed=1), network(seed=2).to(memory_format=torch.channels_last)
    model_folder.save(first, tmp_path / "a.safetensors")
    report = model_folder.load(second, tmp_path / "a.safetensors")
    assert same(first, second)
    assert report.share == 1.0
    assert str(report) == "10 of 10 tensors loaded"
    model_folder.save(second, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("key", [None, "state_dict", "model"])
def test_pytorch_files_with_and_without_nesting(tmp_path: Path, key: str | None) -> None:
    first, second = network(seed=1), network(seed=2)
    state = {f"module.{name}": tensor for name, tensor in first.state_dict().items()}
    torch.save({key: state, "epoch": 3} if key else state, tmp_path / "w.pth")
    model_folder.load(second, tmp_path / "w.pth")
    assert same(first, second)


def test_somebodys_names_are_translated(tmp_path: Path) -> None:
    first, second = network(seed=1), network(seed=2)
    torch.save({f"their.{name}": tensor for name, tensor in first.state_dict().items()}, tmp_path / "w.pth")
    report = model_folder.load(
        second, tmp_path / "w.pth", foreign_names=lambda found: {name.removeprefix("their."): tensor for name, tensor in found.items()}
    )
    assert (same(first, second), report.share) == (True, 1.0)


def test_another_architecture_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    model_folder.save(network(8), tmp_path / "w.safetensors")
    target, before = network(4), network(4)
    with pytest.raises(UserError, match=r"body\.0\.weight \[4, 3, 3, 3\] here, \[8, 3, 3, 3\] in the file"):
        model_folder.load(target, tmp_path / "w.safetensors")
    assert same(target, before)


def test_a_part_is_taken_where_a_part_is_allowed(tmp_path: Path) -> None:
    source, target = network(seed=1), network(seed=2)
    state = {name: tensor for name, tensor in source.state_dict().items() if name.startswith("body")} | {"head.weight": torch.zeros(2)}
    torch.save(state, tmp_path / "w.pth")
    report = model_folder.load(target, tmp_path / "w.pth", min_loaded=0.5)
    assert report.share == 0.6
    assert report.unexpected == ("head.weight",)
    assert set(report.missing) == {"heat.weight", "heat.bias", "embedding.weight", "embedding.bias"}
    assert torch.equal(target.body[0].weight, source.body[0].weight)
    with pytest.raises(UserError, match="60%, at least 70% asked"):
        model_folder.load(target, tmp_path / "w.pth", min_loaded=0.7)


def test_code_in_a_weights_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": network()}, tmp_path / "w.pth")  # a pickled object, not tensors
    with pytest.raises(UserError, match="without running its code"):
        model_folder.load(network(), tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (torch.full((2, 1), torch.nan), "1 tensors hold NaN or infinity, first 0.weight"),
        (torch.full((2, 1), torch.inf), "1 tensors hold NaN or infinity"),
        (torch.eye(2, 1).to_sparse(), "1 tensors are sparse, quantised or without values, first 0.weight"),
        (torch.empty((2, 1), device="meta"), "1 tensors are sparse, quantised or without values"),
    ],
)
def test_tensors_without_numbers_are_refused(tmp_path: Path, value: torch.Tensor, complaint: str) -> None:
    torch.save({"0.weight": value, "0.bias": torch.zeros(2), 7: torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=complaint):
        model_folder.load(torch.nn.Sequential(torch.nn.Linear(1, 2)), tmp_path / "w.pth")


def test_no_damage_of_a_file_ends_in_a_traceback(tmp_path: Path) -> None:
    path, random = tmp_path / "w.pth", np.random.default_rng(0)
    torch.save({"0.weight": torch.zeros(2, 1), "0.bias": torch.zeros(2)}, path)
    whole = path.read_bytes()
    for _ in range(200):
        content = bytearray(whole)
        for at in random.integers(len(whole), size=4):
            content[at] = random.integers(256)
        path.write_bytes(content)
        with suppress(UserError):
            model_folder.load(torch.nn.Sequential(torch.nn.Linear(1, 2)), path)


@pytest.mark.parametrize("content", [None, b"", b"not weights"])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_missing_and_damaged_files_are_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        model_folder.load(network(), tmp_path / name)


def test_model_cards(tmp_path: Path) -> None:
    card = ModelCard("tiny", {"network": {"channels": 4}}, 64, 48, "abc")
    card.write(tmp_path / model_folder.CARD)
    assert load_model(tmp_path) == card
    assert "classes" not in (tmp_path / model_folder.CARD).read_text()
    several = ModelCard("tiny", {}, 64, 48, "abc", ("pedestrian", "cyclist"))
    several.write(tmp_path / model_folder.CARD)
    assert load_model(tmp_path) == several
    with pytest.raises(UserError, match="not a model folder"):
        load_model(tmp_path / "nowhere")
    (tmp_path / model_folder.CARD).write_text("{}")
    with pytest.raises(UserError, match="not a model card"):
        load_model(tmp_path)
