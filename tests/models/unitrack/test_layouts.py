"""Key layouts of published weights, each loaded into the backbone in full."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.backbones.resnet import Resnet, resnet18, resnet50
from models.unitrack.layouts import adapt, foreign_names

CASES = [
    ("plain", "", {"fc.weight": torch.zeros(2, 3)}, ()),
    ("moco", "module.encoder_q.", {"module.encoder_k.conv1.weight": torch.zeros(1), "module.queue": torch.zeros(1)}, 2),
    ("vfs", "module.encoder.", {"module.head.fc.weight": torch.zeros(1)}, 1),
    ("crw", "encoder.model.", {"selfsim_fc.0.weight": torch.zeros(1)}, 1),
    ("uvc", "module.gray_encoder.", {"module.rgb_encoder.conv1.weight": torch.zeros(1)}, 1),
    ("timecycle", "module.encoderVideo.", {"module.transform.weight": torch.zeros(1)}, 1),
    ("parallel", "module.", {}, 0),
]


@pytest.mark.parametrize(("layout", "prefix", "others", "left_out"), CASES)
def test_every_tensor_of_the_backbone_is_found(layout: str, prefix: str, others: dict[str, Tensor], left_out: int | tuple[()]) -> None:
    network = resnet18(("layer3",))
    wanted = network.state_dict()
    state = {prefix + name: value[:, :, None] if layout == "timecycle" and value.dim() == 4 else value for name, value in wanted.items()}
    found = adapt(others | state)
    assert found.layout == layout
    assert len(found.left_out) == (left_out or 0)
    assert not network.load_state_dict(found.tensors, strict=False).missing_keys
    assert all(torch.equal(found.tensors[name], value) for name, value in wanted.items())


def test_kernels_over_several_frames_stay_as_they_are() -> None:
    assert adapt({"conv1.weight": torch.zeros(4, 3, 2, 7, 7)}).tensors["conv1.weight"].shape == (4, 3, 2, 7, 7)


def test_foreign_weights_take_the_representations_names_and_its_own_keep_theirs() -> None:
    state = {"module.encoder_q.conv1.weight": torch.ones(1), "module.queue": torch.zeros(1)}
    assert list(foreign_names(state)) == ["backbone.conv1.weight", "module.queue"]
    own = {"backbone.conv1.weight": torch.ones(1)}
    assert foreign_names(own) == own


@pytest.mark.parametrize("prefix", ["", "resnet."])
@pytest.mark.parametrize(("build", "layer"), [(resnet18, "layer3"), (resnet50, "layer2")])
def test_a_resnet_of_transformers_gives_the_features_of_torchvisions(prefix: str, build: Callable[..., Resnet], layer: str) -> None:
    """ResNetModel's names by hand; the second network starts from other weights, so that equal maps are due to what was taken over."""
    torch.manual_seed(5)
    network, other = build((layer,), largest_stride=8).eval(), build((layer,), largest_stride=8).eval()
    state = {prefix + transformers_name(name): value for name, value in network.state_dict().items()}
    found = adapt(state | {"classifier.1.weight": torch.zeros(2, 3)})
    assert (found.layout, found.left_out) == ("transformers", ("classifier.1.weight",))
    other.load_state_dict(found.tensors)
    image = torch.rand(1, 3, 40, 56)
    assert torch.equal(other(image)[0], network(image)[0])


def transformers_name(name: str) -> str:
    """layer2.0.conv1.weight is encoder.stages.1.layers.0.layer.0.convolution.weight, and so on."""
    *where, part, value = name.split(".")
    if not where:
        return f"embedder.embedder.{'convolution' if part == 'conv1' else 'normalization'}.{value}"
    block = f"encoder.stages.{int(where[0][-1]) - 1}.layers.{where[1]}"
    if where[2:] == ["downsample"]:
        return f"{block}.shortcut.{'convolution' if part == '0' else 'normalization'}.{value}"
    return f"{block}.layer.{int(part[-1]) - 1}.{'convolution' if part.startswith('conv') else 'normalization'}.{value}"
