"""Whose weights fit QDTrack's network."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from models.backbones.resnet import resnet50
from models.qdtrack.network import build_network, foreign_names
from pipeline.files import model_folder
from tests.models.qdtrack.samples import small_options


def test_torchvisions_resnet_fills_the_backbone_and_nothing_else(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = resnet50().state_dict() | {"fc.weight": torch.ones(1000, 2048), "fc.bias": torch.ones(1000)}
    save_file(tensors, tmp_path / "resnet50.safetensors")
    network = build_network(small_options(backbone="resnet50", width=256))
    report = model_folder.load(network, tmp_path / "resnet50.safetensors", 0.1, foreign_names)
    assert (report.unexpected, report.mismatched) == ((), ())
    assert not [name for name in report.missing if name.startswith("backbone.")]
    assert torch.equal(network.backbone.state_dict()["layer4.2.conv3.weight"], tensors["layer4.2.conv3.weight"])


def test_weights_of_its_own_keep_their_names() -> None:
    own = build_network(small_options()).state_dict()
    assert foreign_names(own) is own
