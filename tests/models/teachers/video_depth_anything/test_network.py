from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.teachers.video_depth_anything.encoder import Encoder, Size
from models.teachers.video_depth_anything.motion import Block, Motion, TimeAttention
from models.teachers.video_depth_anything.network import VARIANTS, Variant, VideoDepth

LAYOUT = Path(__file__).with_name("vits.txt")
SMALL = Variant(Size(32, 4, 2, (0, 1, 2, 3)), 32, (32, 32, 64, 64))
GRID = 4


def small(seed: int = 0) -> VideoDepth:
    """The network with few weights, all of them random and large enough to matter."""
    torch.manual_seed(seed)
    network = VideoDepth(SMALL, GRID).eval()
    for name, weights in network.named_parameters():
        nn.init.normal_(weights, mean=1.0 if "norm" in name and name.endswith("weight") else 0.0, std=0.15)
    nn.init.constant_(network.head.scratch.output_conv2[2].bias, 5.0)
    return network


def listed() -> dict[str, tuple[int, ...]]:
    rows = [line.split() for line in LAYOUT.read_text().splitlines() if not line.startswith("#")]
    return {name: tuple(map(int, shape.split("x"))) for name, shape in rows}


def test_tensors_have_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        network = VideoDepth(VARIANTS["vits"])
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == listed()


@pytest.mark.parametrize(("variant", "millions"), [("vits", 28.4), ("vitl", 381.8)])
def test_sizes_are_the_published_ones(variant: str, millions: float) -> None:
    """The README of the published code states them; they count neither the position table nor the unit that is never used."""
    with torch.device("meta"):
        network = VideoDepth(VARIANTS[variant])
    uncounted = ("pretrained.pos_embed", "head.scratch.refinenet4.resConfUnit1")
    counted = sum(weights.numel() for name, weights in network.named_parameters() if not name.startswith(uncounted))
    assert counted / 1e6 == pytest.approx(millions, abs=0.05)


def test_without_motion_it_is_depth_anything() -> None:
    """The same weights in transformers' own Depth Anything V2, whose tensors bear other names."""
    transformers = pytest.importorskip("transformers")
    ours = small()
    for motion in ours.head.motion_modules:
        nn.init.zeros_(motion.temporal_transformer.proj_out.weight)
        nn.init.zeros_(motion.temporal_transformer.proj_out.bias)
    stages = [f"stage{number}" for number in range(1, 5)]
    backbone = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56, out_features=stages, reshape_hidden_states=False
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=list(SMALL.channels),
        fusion_hidden_size=32,
        head_hidden_size=32,
    )
    theirs = transformers.DepthAnythingForDepthEstimation(config).eval()
    missing = theirs.load_state_dict(renamed(ours.state_dict()), strict=True)
    assert not missing.missing_keys
    images = torch.randn(3, 3, 56, 56)
    with torch.inference_mode():
        expected = theirs(pixel_values=images).predicted_depth
        assert expected.std() > 0.1
        torch.testing.assert_close(ours(images, 3), expected, rtol=1e-3, atol=2e-3)


def renamed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The published names to those of transformers."""
    found = {}
    for name, tensor in tensors.items():
        if "motion" in name:
            continue
        if ".attn.qkv" in name:
            block, kind = name.split(".")[2], name.rpartition(".")[2]
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                found[f"backbone.encoder.layer.{block}.attention.{letter}_proj.{kind}"] = part
            continue
        for old, new in RENAMED:
            name = name.replace(old, new)
        found[name] = tensor
    return found


RENAMED = [
    ("pretrained.cls_token", "backbone.embeddings.cls_token"),
    ("pretrained.mask_token", "backbone.embeddings.mask_token"),
    ("pretrained.pos_embed", "backbone.embeddings.position_embeddings"),
    ("pretrained.patch_embed.proj", "backbone.embeddings.patch_embeddings.projection"),
    ("pretrained.norm", "backbone.layernorm"),
    ("pretrained.blocks", "backbone.encoder.layer"),
    ("attn.proj", "attention.o_proj"),
    ("ls1.gamma", "layer_scale1.lambda1"),
    ("ls2.gamma", "layer_scale2.lambda1"),
    *((f"head.projects.{i}", f"neck.reassemble_stage.layers.{i}.projection") for i in range(4)),
    *((f"head.resize_layers.{i}", f"neck.reassemble_stage.layers.{i}.resize") for i in range(4)),
    *((f"head.scratch.layer{i + 1}_rn", f"neck.convs.{i}") for i in range(4)),
    *((f"head.scratch.refinenet{4 - i}", f"neck.fusion_stage.layers.{i}") for i in range(4)),
    ("out_conv.", "projection."),
    ("resConfUnit", "residual_layer"),
    *((f"residual_layer{i}.conv{j}", f"residual_layer{i}.convolution{j}") for i in (1, 2) for j in (1, 2)),
    ("head.scratch.output_conv1", "head.conv1"),
    ("head.scratch.output_conv2.0", "head.conv2"),
    ("head.scratch.output_conv2.2", "head.conv3"),
]


def test_attention_over_time_is_torchs() -> None:
    torch.manual_seed(0)
    ours = TimeAttention(32).eval()
    reference = nn.MultiheadAttention(32, 8, bias=True, batch_first=True).eval()
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([ours.to_q.weight, ours.to_k.weight, ours.to_v.weight]))
        reference.in_proj_bias.zero_()
        reference.out_proj.weight.copy_(ours.to_out[0].weight)
        reference.out_proj.bias.copy_(ours.to_out[0].bias)
    x = torch.randn(6, 5, 32)
    placed = x + ours.pos_encoder.pe[:, :5]
    torch.testing.assert_close(ours(x), reference(placed, placed, placed)[0])


def test_positions_in_time_are_sines_and_cosines() -> None:
    table = TimeAttention(32).pos_encoder.pe
    assert table.shape == (1, 32, 32)
    assert table[0, 3, 0] == pytest.approx(math.sin(3))
    assert table[0, 3, 1] == pytest.approx(math.cos(3))
    assert table[0, 7, 10] == pytest.approx(math.sin(7 / 10000 ** (10 / 32)))


def test_a_motion_block_by_its_definition() -> None:
    torch.manual_seed(1)
    block = Block(32).eval()
    x = torch.randn(4, 6, 32)
    expected = x
    for index in range(2):
        expected = expected + block.attention_blocks[index](functional.layer_norm(expected, (32,)))
    values, gate = block.ff.net[0].proj(functional.layer_norm(expected, (32,))).split(128, -1)
    torch.testing.assert_close(block(x), expected + block.ff.net[2](values * functional.gelu(gate)))


def test_motion_starts_as_the_identity_and_mixes_time_not_space() -> None:
    torch.manual_seed(2)
    motion, x = Motion(32).eval(), torch.randn(5, 32, 3, 4)
    torch.testing.assert_close(motion(x), x)
    nn.init.normal_(motion.temporal_transformer.proj_out.weight)
    # the group norm sees all of a frame; a change that keeps its statistics shows that places do not mix
    swapped = x.clone()
    swapped[2, :, 0, 0], swapped[2, :, 2, 3] = x[2, :, 2, 3], x[2, :, 0, 0]
    changed = (motion(swapped) - motion(x)).abs().amax((0, 1))
    assert (changed > 1e-3).nonzero().tolist() == [[0, 0], [2, 3]]
    assert ((motion(swapped) - motion(x)).abs().amax((1, 2, 3)) > 1e-3).all()  # in every frame


def test_a_batch_bounds_memory_and_changes_nothing() -> None:
    network, images = small(), torch.randn(5, 3, 42, 70)
    with torch.inference_mode():
        whole = network(images, 5)
        assert whole.shape == (5, 42, 70)
        assert whole.std() > 0.1
        torch.testing.assert_close(network(images, 2), whole, rtol=1e-3, atol=2e-3)


def test_frames_of_a_window_look_at_each_other() -> None:
    network, images = small(), torch.randn(4, 3, 56, 56)
    with torch.inference_mode():
        together, alone = network(images, 4), network(images[:1], 1)
    assert (together[:1] - alone).abs().max() > 1e-3


def test_positions_are_resized_with_the_published_offset() -> None:
    """Patch i of n lies at (i + 0.5) * grid / (n + 0.1) - 0.5 of the table; the bicubic kernel is torch's (Keys 1981, a = -0.75)."""

    def near(t: float) -> float:
        return 1.25 * t**3 - 2.25 * t**2 + 1

    def far(t: float) -> float:
        return -0.75 * t**3 + 3.75 * t**2 - 6 * t + 3

    encoder = Encoder(Size(8, 1, 2, (0,)), 4)
    with torch.no_grad():
        encoder.pos_embed[0, 1:, 0] = torch.tensor([1.0, 5.0, 2.0, 9.0]).repeat_interleave(4)  # a row of the table each
    found = encoder._positions(5, 4)[0, 1:, 0].reshape(5, 4)
    t = 2.5 * 4 / 5.1 - 0.5 - 1
    expected = far(1 + t) * 1 + near(t) * 5 + near(1 - t) * 2 + far(2 - t) * 9
    assert found[2].tolist() == pytest.approx([expected] * 4, abs=1e-5)
