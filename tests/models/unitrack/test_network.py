"""Representations: stride, frozenness, normalisation, lightness and layers that cannot be used."""

from __future__ import annotations

import pytest
import torch

from models.unitrack.network import Representation, build, lightness
from models.unitrack.options import RepresentationOptions


def _build(network: str, layer: str, **others: object) -> Representation:
    return build(RepresentationOptions.model_validate({"network": network, "layer": layer, **others}))


@pytest.mark.parametrize(
    ("network", "layer", "channels"),
    [("resnet18", "layer3", 256), ("resnet18", "layer4", 512), ("mobilenet_v2", "features.13", 96), ("efficientnet_lite0", "block10", 112)],
)
def test_maps_are_an_eighth_of_the_image(network: str, layer: str, channels: int) -> None:
    representation = _build(network, layer)
    assert representation.channels == channels
    assert tuple(representation(torch.rand(1, 3, 70, 96)).features.shape) == (1, channels, 9, 12)


def test_a_representation_never_learns() -> None:
    representation = _build("resnet18", "layer2").train()
    before = {name: value.clone() for name, value in representation.state_dict().items()}
    first = representation(torch.rand(2, 3, 32, 32)).features
    assert not first.requires_grad
    assert not list(filter(lambda p: p.requires_grad, representation.parameters()))
    assert all(torch.equal(before[name], value) for name, value in representation.state_dict().items())


def test_weights_have_the_backbones_names() -> None:
    assert all(name.startswith("backbone.") for name in _build("resnet18", "layer2").state_dict())


def test_the_mean_colour_is_zero() -> None:
    representation = _build("efficientnet_lite0", "block10", mean=(0.5, 0.25, 0.75), deviation=(0.5, 0.5, 0.25))
    images = torch.tensor([0.5, 0.25, 0.75]).view(1, 3, 1, 1) + torch.tensor([0.0, 0.25]).view(1, 1, 1, 2)
    assert torch.allclose(representation.normalised(images)[0, :, 0], torch.tensor([[0.0, 0.5], [0.0, 0.5], [0.0, 1.0]]))


def test_gray_networks_see_lightness_three_times() -> None:
    representation = _build("resnet18", "layer3", gray=True, mean=(0, 0, 0), deviation=(1, 1, 1))
    seen = representation.normalised(torch.rand(1, 3, 4, 4))
    assert torch.equal(seen[:, 0], seen[:, 2])


@pytest.mark.parametrize(
    ("colour", "value"),
    [((1, 1, 1), 100), ((0, 0, 0), 0), ((1, 0, 0), 53.24), ((0, 1, 0), 87.73), ((0, 0, 1), 32.30), ((0.01, 0.01, 0.01), 0.699)],
)
def test_lightness(colour: tuple[float, ...], value: float) -> None:
    """Of the primaries of sRGB under D65, as tables of CIE Lab give them."""
    assert 100 * float(lightness(torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1))) == pytest.approx(value, abs=0.02)


@pytest.mark.parametrize(
    ("network", "layer", "message"),
    [
        ("resnet18", "layer5", "resnet18 has no layer layer5; it has stem, layer1.0"),
        ("resnet18", "layer1", "resnet18's layer1 has a map of 1/4 of the image, not of 1/8"),
        ("efficientnet_lite0", "block2", "a map of 1/4"),
    ],
)
def test_layers_that_cannot_be_used(network: str, layer: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _build(network, layer)
