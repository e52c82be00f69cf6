"""Shapes, sizes and names of the backbones."""

from __future__ import annotations

import pytest
import torch

from models import backbones
from pipeline.contract.spec import count_parameters


@pytest.mark.parametrize(("name", "width"), [("resnet_fpn", 16), ("dla34", 64)])
def test_every_level_has_its_stride_and_channels(name: str, width: int) -> None:
    network = backbones.build(name, width).eval()
    with torch.no_grad():
        pyramid = network(torch.rand(1, 3, 64, 96))
    assert [tuple(x.shape) for x in pyramid] == [(1, c, 64 // s, 96 // s) for c, s in zip(network.channels, (4, 8, 16, 32), strict=True)]
    assert pyramid.stride4.shape[1] == width


@pytest.mark.parametrize(("name", "width"), [("resnet_fpn", 8), ("dla34", 64)])
def test_gradients_reach_every_parameter(name: str, width: int) -> None:
    network = backbones.build(name, width)
    sum(x.mean() for x in network(torch.rand(2, 3, 64, 64))).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


def test_dla34_base_has_the_layout_of_the_public_weights() -> None:
    base = backbones.Dla34().base
    assert count_parameters(base) == 15_742_104 - (512 * 1000 + 1000)  # the published network less its classifier
    names = dict(base.named_parameters())
    for name, shape in {
        "base_layer.0.weight": (16, 3, 7, 7),
        "level1.0.weight": (32, 16, 3, 3),
        "level2.root.conv.weight": (64, 128, 1, 1),
        "level3.tree1.tree1.conv1.weight": (128, 64, 3, 3),
        "level3.tree2.root.conv.weight": (128, 448, 1, 1),
        "level4.tree1.project.0.weight": (256, 128, 1, 1),
        "level4.tree2.root.conv.weight": (256, 896, 1, 1),
        "level5.tree2.bn2.weight": (512,),
        "level5.root.conv.weight": (512, 1280, 1, 1),
    }.items():
        assert tuple(names[name].shape) == shape


def test_upsampling_starts_as_bilinear_interpolation() -> None:
    up = backbones.Dla34().ida_up.up_2
    flat = up(torch.ones(1, 64, 4, 4))
    assert torch.allclose(flat[:, :, 4:-4, 4:-4], torch.ones(1))


def test_dla34_has_one_width() -> None:
    with pytest.raises(ValueError, match="64"):
        backbones.build("dla34", 32)


@pytest.mark.parametrize(("name", "width"), [("resnet_fpn", 8), ("dla34", 64)])
def test_memory_adds_layers_and_renames_none(name: str, width: int) -> None:
    plain, looking = backbones.build(name, width), backbones.build(name, width, memory=True)
    added = set(looking.state_dict()) - set(plain.state_dict())
    assert set(plain.state_dict()) <= set(looking.state_dict())
    assert {key.split("memory.")[1].split(".")[0] for key in added} == {"image", "heat"}


@pytest.mark.parametrize(("name", "width"), [("resnet_fpn", 8), ("dla34", 64)])
def test_without_memory_the_image_stands_for_the_one_before_without_objects(name: str, width: int) -> None:
    torch.manual_seed(0)
    network = backbones.build(name, width, memory=True).eval()
    images = torch.rand(2, 3, 64, 64)
    blank, marked = torch.zeros(2, 1, 64, 64), torch.zeros(2, 1, 64, 64)
    marked[:, :, 20:40, 20:40] = 1
    with torch.no_grad():
        alone = network(images)
        assert torch.equal(alone.stride4, network(images, torch.cat([images, blank], 1)).stride4)
        assert not torch.equal(alone.stride4, network(images, torch.cat([images, marked], 1)).stride4)
        assert not torch.equal(alone.stride4, network(images, torch.cat([images.flip(3), blank], 1)).stride4)
