"""Parts of detectors by queries: deformable attention beside transformers', FDTA's association, and its light network beside OUTrack's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Timed, Work, compare
from benchmarks.samples import read_options
from models import load
from models.fdta.network import AssociationNetwork, build_network
from models.fdta.options import FdtaOptions, NetworkOptions
from models.fdta.questions import Question, answer
from models.queries.deformable_attention import DeformableAttention, lay_out
from models.queries.layers import cell_centres
from pipeline.runtime.malloc import keep_freed_memory

IMAGE = (256, 448)  # height, width
STRIDES, WIDTH, HEADS, POINTS = (8, 16, 32), 128, 8, 4
LIGHT = (8, 8, 8)  # people of the past, objects of the present, frames T, of which T - 1 are past
FULL = (20, 20, 30)
SEQUENCES = 6
NETWORK: dict[str, Any] = {
    "backbone": "resnet_fpn",
    "backbone_width": 32,
    "width": WIDTH,
    "levels": 3,
    "heads": HEADS,
    "points": POINTS,
    "encoder_layers": 0,
    "decoder_layers": 3,
    "hidden": 256,
    "dropout": 0.0,
    "num_queries": 60,
    "queries": "centres",
    "heat_hidden": 32,
    "depth_attention": "after",
    "depth_bins": 40,
    "depth_min": 0.001,
    "depth_max": 60.0,
    "depth_space": "stored",
    "depth_near": 1.0,
    "depth_projection": "each",
    "depth_detached": True,
    "depth_hidden": 128,
    "depth_stride": 16,
    "depth_dropout": 0.0,
    "depth_weight_dropout": 0.0,
    "temporal": True,
    "temporal_layers": 2,
    "temporal_hidden": 256,
    "temporal_dropout": 0.0,
    "frames": 8,
    "vocabulary": 20,
    "id_layers": 3,
    "id_heads": 8,
    "id_hidden": 512,
    "trajectory_hidden": 256,
    "identity_hidden": 128,
    "max_objects": 32,
}
PAPER: dict[str, Any] = {
    "width": 256,
    "temporal_layers": 6,
    "temporal_hidden": 512,
    "frames": 30,
    "vocabulary": 50,
    "id_layers": 6,
    "id_heads": 16,
    "id_hidden": 1024,
    "trajectory_hidden": 512,
}
LOSS: dict[str, Any] = {
    "score_weight": 2.0,
    "box_weight": 5.0,
    "giou_weight": 2.0,
    "heat_weight": 1.0,
    "sides_weight": 0.4,
    "depth_weight": 1.0,
    "depth_foreground_weight": 6.0,
    "depth_zero": "unknown",
    "id_weight": 1.0,
    "newborn_weight": 1.0,
    "groups": 6,
    "drop_probability": 0.5,
    "switch_probability": 0.5,
    "identity_weight": 10.0,
    "identity_scope": "clip",
    "identity_overlap": 0.5,
    "identity_weighted": True,
    "identity_temperature": 0.1,
    "identity_from_epoch": 1,
    "gradient_frames": 4,
    "chunk_frames": 20,
    "checkpoint_frames": 0,
}
TRACKER: dict[str, Any] = {
    "detection_threshold": 0.3,
    "birth_threshold": 0.6,
    "id_threshold": 0.2,
    "protocol": "object-max",
    "window": None,
}


def measure() -> Iterator[Timed]:
    """Attention with and without its gradient, association alone and together, a frame of the light network."""
    torch.set_num_threads(1)
    keep_freed_memory()
    yield _attention("deformable attention, forward", backward=False, aim=1.5)
    yield _attention("deformable attention, with backward", backward=True, aim=1.1)
    light, full = association(NETWORK), association(NETWORK | PAPER)
    yield _association(f"FDTA association, {LIGHT[0]} people, T {LIGHT[2]}", light, LIGHT, WIDTH)
    yield _together(light)
    yield _association(f"FDTA association, full, {FULL[0]} people, T {FULL[2]}", full, FULL, 256)
    yield _frame(light)


def options() -> FdtaOptions:
    """Options of the light FDTA."""
    return FdtaOptions.model_validate({"network": NETWORK, "loss": LOSS, "tracker": TRACKER})


def association(network: dict[str, Any]) -> AssociationNetwork:
    """An association network with random weights, in evaluation mode."""
    torch.manual_seed(0)
    return AssociationNetwork(NetworkOptions.model_validate(network)).eval()


def question(people: int, objects: int, frames: int, width: int, seed: int = 0) -> Question:
    """A question with random queries: `people` who are seen in all `frames` - 1 past frames, and `objects` of the present."""
    random = np.random.default_rng(seed)
    past = random.normal(size=(people, frames - 1, width)).astype(np.float32)
    seen = np.ones(past.shape[:2], np.bool_)
    return Question(past, seen, np.arange(people), random.normal(size=(objects, width)).astype(np.float32))


def _attention(what: str, *, backward: bool, aim: float) -> Timed:
    shapes = [(IMAGE[0] // stride, IMAGE[1] // stride) for stride in STRIDES]
    levels = lay_out(shapes, torch.device("cpu"))
    torch.manual_seed(0)
    layer = DeformableAttention(WIDTH, HEADS, len(STRIDES), POINTS)
    torch.nn.init.normal_(layer.sampling_offsets.weight, std=0.05)
    torch.nn.init.normal_(layer.attention_weights.weight, std=0.05)
    cells = torch.randn(1, sum(h * w for h, w in shapes), WIDTH, requires_grad=backward)
    references = cell_centres(levels)[None]
    peer = _transformers(layer)

    def ours() -> Tensor:
        found: Tensor = layer(cells, references, cells, levels)
        return found

    def theirs() -> Tensor:
        found: Tensor = peer(
            cells,
            encoder_hidden_states=cells,
            reference_points=references[:, :, None].expand(-1, -1, len(shapes), -1),
            spatial_shapes=torch.tensor(shapes),
            spatial_shapes_list=shapes,
            level_start_index=levels.starts,
        )[0]
        return found

    torch.testing.assert_close(ours(), theirs(), atol=1e-5, rtol=1e-5)
    works: list[Work] = [_with_gradient(way, backward) for way in (ours, theirs)]
    size = f"{what}, {IMAGE[1]}x{IMAGE[0]}"
    return compare(size, "image", 1, works[0], {"transformers": works[1]}, aim=aim, rounds=15, clock=time.process_time)


def _with_gradient(way: Any, backward: bool) -> Work:
    def run() -> None:
        with torch.set_grad_enabled(backward):
            found = way()
        if backward:
            found.sum().backward()

    return run


def _transformers(layer: DeformableAttention) -> Any:
    """The module of `transformers` with our weights."""
    from transformers import DeformableDetrConfig
    from transformers.models.deformable_detr.modeling_deformable_detr import DeformableDetrMultiscaleDeformableAttention

    config = DeformableDetrConfig(d_model=WIDTH, num_feature_levels=len(STRIDES), use_timm_backbone=False)
    peer = DeformableDetrMultiscaleDeformableAttention(config, HEADS, POINTS)
    peer.load_state_dict(layer.state_dict())
    return peer


def _association(what: str, network: AssociationNetwork, size: tuple[int, int, int], width: int) -> Timed:
    asked = question(*size, width)
    return compare(what, "frame", 1, lambda: answer(network, [asked]), rounds=15, clock=time.process_time)


def _together(network: AssociationNetwork) -> Timed:
    asked = [question(*LIGHT, WIDTH, seed) for seed in range(SEQUENCES)]
    alone = {"one after the other": lambda: [answer(network, [each]) for each in asked]}
    what = f"FDTA association, {SEQUENCES} sequences together"
    return compare(what, "frame", SEQUENCES, lambda: answer(network, asked), alone, aim=1.5, rounds=15, clock=time.process_time)


def _frame(network: AssociationNetwork) -> Timed:
    """One image through the light network, and its association; the peer is OUTrack's network of the default preset."""
    torch.manual_seed(0)
    light = build_network(options()).eval()
    outrack = load("outrack")
    other = outrack.build_network(read_options("walkers")).eval()
    image, asked = torch.rand(1, 3, *IMAGE).contiguous(memory_format=torch.channels_last), question(*LIGHT, WIDTH)

    def ours() -> None:
        with torch.no_grad():
            light(image)
        answer(network, [asked])

    def theirs() -> None:
        with torch.no_grad():
            other(image)

    for each in (light, other):
        each.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    what = f"FDTA light network and association, {IMAGE[1]}x{IMAGE[0]}"
    return compare(what, "frame", 1, ours, {"OUTrack's network": theirs}, aim=0.4, rounds=15, clock=time.process_time)
