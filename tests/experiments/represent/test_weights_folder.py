"""Folders of weights: plain ones, and such as Hugging Face's hub publishes, of transformers and of timm."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from experiments.represent.hub import snapshot
from experiments.represent.representations import Entry, identity, load
from experiments.represent.weights_folder import NETWORKS, weights_file
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from pipeline.errors import UserError
from tests.models.unitrack.test_layouts import transformers_name

OPTIONS = RepresentationOptions(network="resnet18", layer="layer2")
CONFIG: dict[str, Any] = NETWORKS["resnet18"] | {"architectures": ["ResNetForImageClassification"]}
INPUT = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@pytest.fixture(scope="module")
def theirs() -> Representation:
    torch.manual_seed(3)
    return build(OPTIONS)


def _entry(weights: str = "theirs", **network: object) -> Entry:
    return Entry.model_validate({"network": {"network": "resnet18", "layer": "layer2"} | network, "weights": weights})


def _transformers(folder: Path, network: Representation, config: dict[str, Any] = CONFIG, seen: dict[str, Any] = INPUT) -> None:
    """As `save_pretrained` leaves a classifier and its image processor."""
    tensors = {f"resnet.{transformers_name(name)}": value for name, value in network.backbone.state_dict().items()}
    _write(folder, tensors | {"classifier.1.weight": torch.zeros(2, 3)}, config)
    (folder / "preprocessor_config.json").write_text(json.dumps(seen))


def _timm(folder: Path, network: Representation, architecture: str = "resnet18") -> None:
    seen = {"mean": INPUT["image_mean"], "std": INPUT["image_std"]}
    tensors = network.backbone.state_dict() | {"fc.weight": torch.zeros(2, 3)}
    _write(folder, tensors, {"architecture": architecture, "num_classes": 2, "pretrained_cfg": seen})


def _write(folder: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(("write", "unused"), [(_transformers, "classifier.1.weight"), (_timm, "fc.weight")])
def test_a_folder_of_the_hub_gives_the_features_of_torchvisions_names(
    tmp_path: Path, theirs: Representation, capsys: pytest.CaptureFixture[str], write: Callable[..., None], unused: str
) -> None:
    write(tmp_path / "theirs", theirs)
    torch.save(theirs.backbone.state_dict(), tmp_path / "torchvision.pth")
    found, known = load(_entry(), tmp_path, 0), load(_entry("torchvision.pth"), tmp_path, 1)
    image = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found(image).features, known(image).features)
    assert f"unused: {'' if unused[0] == 'c' else 'backbone.'}{unused}" in capsys.readouterr().out


def test_every_tensor_up_to_the_layer_must_be_there(tmp_path: Path, theirs: Representation) -> None:
    _transformers(tmp_path / "theirs", theirs)
    with pytest.raises(UserError, match="fits the network only in part"):
        load(_entry(layer="layer3"), tmp_path, 0)


DIFFERENT = [
    ({"downsample_in_bottleneck": True}, "downsample_in_bottleneck is True"),  # other strides, the same shapes
    ({"downsample_in_first_stage": True}, "downsample_in_first_stage is True"),
    ({"hidden_act": "gelu"}, "hidden_act is gelu"),
    ({"depths": [3, 4, 6, 3]}, r"depths is \[3, 4, 6, 3\]"),
    ({"model_type": "regnet"}, "model_type is regnet"),
    ({"architecture": "resnet18d"}, "architecture is resnet18d"),  # timm's, with another stem
]


@pytest.mark.parametrize(("change", "said"), DIFFERENT)
def test_another_network_is_refused_though_its_tensors_fit(
    tmp_path: Path, theirs: Representation, change: dict[str, Any], said: str
) -> None:
    _transformers(tmp_path / "theirs", theirs, CONFIG | change)
    with pytest.raises(UserError, match=rf"not the resnet18 that is known here \({said}\)\nnext: "):
        load(_entry(), tmp_path, 0)
    load(_entry("theirs/model.safetensors"), tmp_path, 0)  # the file alone says nothing of its network


def test_an_input_of_another_colour_is_refused(tmp_path: Path, theirs: Representation) -> None:
    _transformers(tmp_path / "theirs", theirs, seen=INPUT | {"image_std": [0.5, 0.5, 0.5]})
    with pytest.raises(
        UserError, match=r"the deviation of the network's input is \[0.5, 0.5, 0.5\]\nnext: set the entry's network.deviation"
    ):
        load(_entry(), tmp_path, 0)
    load(_entry(deviation=[0.5, 0.5, 0.5]), tmp_path, 0)


def test_a_network_without_a_layout_of_the_hub_is_refused(tmp_path: Path, theirs: Representation) -> None:
    _timm(tmp_path / "theirs", theirs, "mobilenet_v2")
    with pytest.raises(UserError, match=r"not the mobilenet_v2 that is known here .*\nnext: name a folder of .*\(resnet18, resnet50\)"):
        load(_entry(network="mobilenet_v2", layer="features.4"), tmp_path, 0)


FILES = [
    (["a.pth"], "a.pth"),
    (["a.pth", "b.safetensors"], "b.safetensors"),  # what runs no code first
    (["a.safetensors", "model.safetensors"], "model.safetensors"),
    (["weights.safetensors", "model.json"], "weights.safetensors"),  # a model of this repository
    (["epoch1.pth", "pytorch_model.bin"], "pytorch_model.bin"),
]


@pytest.mark.parametrize(("names", "meant"), FILES)
def test_which_file_of_a_folder_is_meant(tmp_path: Path, names: list[str], meant: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert weights_file(tmp_path).name == meant


def test_a_folder_in_which_none_or_several_may_be_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no weights"):
        weights_file(tmp_path)
    (tmp_path / "a.pth").touch()
    (tmp_path / "b.pt").touch()
    with pytest.raises(UserError, match=r"any of a.pth, b.pt may be meant\nnext: set the entry's weights to one"):
        load(_entry(str(tmp_path)), tmp_path, 0)


def test_a_plain_folder_is_its_file(tmp_path: Path, theirs: Representation) -> None:
    (tmp_path / "plain").mkdir()
    torch.save({"state_dict": theirs.backbone.state_dict()}, tmp_path / "plain" / "best.pth")
    found = load(_entry("plain"), tmp_path, 0)
    assert torch.equal(found.state_dict()["backbone.conv1.weight"], theirs.state_dict()["backbone.conv1.weight"])
    assert identity(_entry("plain"), tmp_path, 0) == identity(_entry("plain/best.pth"), tmp_path, 0)


def test_a_snapshot_has_the_first_file_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None, str]] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns[-1]))
        if allow_patterns[-1] == "pytorch_model.bin":
            (tmp_path / "pytorch_model.bin").touch()
        return str(tmp_path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    assert snapshot("a/b@v1") == tmp_path
    assert asked == [("a/b", "v1", "model.safetensors"), ("a/b", "v1", "pytorch_model.bin")]


def test_without_the_library_or_a_network_it_is_said_how_to_put_the_folder_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(name: str, **options: object) -> str:
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"hf:a/b: .*\(huggingface_hub is not installed\)\nnext: .*`hf download a/b config.json"):
        snapshot("a/b")
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    with pytest.raises(UserError, match=r"\(no route to host\)\nnext: .*--revision v1 --local-dir FOLDER"):
        snapshot("a/b@v1")
