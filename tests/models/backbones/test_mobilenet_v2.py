"""MobileNetV2: torchvision's names and sizes, chosen outputs and strides."""

from __future__ import annotations

import pytest
import torch

from models.backbones.mobilenet_v2 import MobilenetV2


def test_parameters_are_as_many_as_published() -> None:
    assert sum(p.numel() for p in MobilenetV2().parameters()) == 3_504_872 - 1_281_000  # torchvision's, less its classifier


def test_tensor_names_are_torchvisions() -> None:
    entries = {name: tuple(value.shape) for name, value in MobilenetV2().state_dict().items()}
    assert len(entries) == 314 - 2  # torchvision's, less weight and bias of its classifier
    for name, shape in {
        "features.0.0.weight": (32, 3, 3, 3),
        "features.1.conv.0.0.weight": (32, 1, 3, 3),
        "features.1.conv.2.running_mean": (16,),
        "features.2.conv.1.0.weight": (96, 1, 3, 3),
        "features.17.conv.2.weight": (320, 960, 1, 1),
        "features.18.1.weight": (1280,),
    }.items():
        assert entries[name] == shape


@pytest.mark.parametrize(
    ("returned", "largest", "channels", "strides"),
    [
        (("features.13",), 8, (96,), (8,)),  # UniTrack's: the last layer of stride 16, at 8
        (("features.3", "features.6", "features.13", "features.18"), 32, (24, 32, 96, 1280), (4, 8, 16, 32)),
        (("features.0",), 32, (32,), (2,)),
    ],
)
def test_chosen_layers_have_their_channels_and_strides(
    returned: tuple[str, ...], largest: int, channels: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    network = MobilenetV2(returned, largest_stride=largest).eval()
    assert (network.channels, network.strides) == (channels, strides)
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 70, 96))
    assert [tuple(x.shape) for x in maps] == [(1, c, -(-70 // s), 96 // s) for c, s in zip(channels, strides, strict=True)]


def test_what_lies_behind_the_last_output_is_not_built() -> None:
    names = MobilenetV2(("features.13",)).state_dict()
    assert {int(name.split(".")[1]) for name in names} == set(range(14))


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layer3.*features\.0"):
        MobilenetV2(("layer3",))


def test_an_untrained_network_passes_a_signal_on() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        (x,) = MobilenetV2(("features.13",), largest_stride=8).eval()(torch.randn(1, 3, 64, 64))
    assert 1e-2 < float(x.std()) < 1e2
