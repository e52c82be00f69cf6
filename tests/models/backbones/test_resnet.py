"""ResNets: torchvision's names and sizes, chosen outputs, strides and frozen norms."""

from __future__ import annotations

import pytest
import torch

from models.backbones.resnet import Resnet, resnet18, resnet50

# torchvision's published parameter counts, less the classifier that has no place here.
COUNTS = [(resnet18, 11_689_512 - 513_000), (resnet50, 25_557_032 - 2_049_000)]


@pytest.mark.parametrize(("build", "count"), COUNTS)
def test_parameters_are_as_many_as_published(build: type[Resnet], count: int) -> None:
    assert sum(p.numel() for p in build().parameters()) == count


def test_tensor_names_are_torchvisions() -> None:
    entries = {name: tuple(value.shape) for name, value in resnet50().state_dict().items()}
    assert len(entries) == 320 - 2  # torchvision's resnet50 has 320, two of them of its classifier
    for name, shape in {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.0.downsample.1.num_batches_tracked": (),
        "layer2.3.conv2.weight": (128, 128, 3, 3),
        "layer3.5.bn3.bias": (1024,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    }.items():
        assert entries[name] == shape
    assert "layer1.0.downsample.0.weight" not in resnet18().state_dict()


@pytest.mark.parametrize(
    ("returned", "largest", "channels", "strides"),
    [
        (("layer1", "layer2", "layer3", "layer4"), 32, (64, 128, 256, 512), (4, 8, 16, 32)),  # what a feature pyramid reads
        (("layer3",), 8, (256,), (8,)),  # UniTrack's
        (("layer4", "stem"), 8, (64, 512), (4, 8)),  # in chain order, whatever the order of the names
        (("layer2.0",), 32, (128,), (8,)),  # a block inside a stage
    ],
)
def test_chosen_layers_have_their_channels_and_strides(
    returned: tuple[str, ...], largest: int, channels: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    network = resnet18(returned, largest_stride=largest).eval()
    assert (network.channels, network.strides) == (channels, strides)
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 70, 96))
    assert [tuple(x.shape) for x in maps] == [(1, c, -(-70 // s), 96 // s) for c, s in zip(channels, strides, strict=True)]


def test_what_lies_behind_the_last_output_is_not_built() -> None:
    names = resnet18(("layer3.0",)).state_dict()
    assert "layer3.0.conv1.weight" in names
    assert not any(name.startswith(("layer3.1", "layer4")) for name in names)


def test_a_smaller_stride_changes_no_tensor() -> None:
    plain, dense = resnet50(), resnet50(largest_stride=8)
    assert {k: v.shape for k, v in plain.state_dict().items()} == {k: v.shape for k, v in dense.state_dict().items()}


@pytest.mark.parametrize("wanted", [("layer5",), (), ("layer3", "layer3.1")])
def test_unknown_or_repeated_layers_are_refused(wanted: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="layer"):
        resnet18(wanted)


def test_frozen_norms_load_the_same_weights_and_never_learn() -> None:
    torch.manual_seed(0)
    plain, frozen = resnet18(("layer2",)), resnet18(("layer2",), frozen_norms=True)
    for _ in range(2):
        plain(torch.rand(2, 3, 32, 32))  # statistics unlike those of the start
    frozen.load_state_dict(plain.state_dict())
    before = {k: v.clone() for k, v in frozen.state_dict().items()}
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(frozen.train()(images)[0], plain.eval()(images)[0])
    assert all(torch.equal(before[k], v) for k, v in frozen.state_dict().items())
    assert not any("bn" in name or "downsample.1" in name for name, _ in frozen.named_parameters())


def test_gradients_reach_every_parameter() -> None:
    network = resnet18()
    torch.stack([x.mean() for x in network(torch.rand(2, 3, 64, 64))]).sum().backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []
