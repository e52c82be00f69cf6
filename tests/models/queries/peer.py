"""Deformable DETR as transformers has it, and how its tensors are called here."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

LAYER = {  # theirs -> ours, inside an encoder or decoder layer
    "encoder": {"self_attn_layer_norm": "norm1", "mlp.fc1": "linear1", "mlp.fc2": "linear2", "final_layer_norm": "norm2"},
    "decoder": {
        "self_attn_layer_norm": "norm2",
        "encoder_attn_layer_norm": "norm1",
        "encoder_attn": "cross_attn",
        "self_attn.o_proj": "self_attn.out_proj",
        "mlp.fc1": "linear1",
        "mlp.fc2": "linear2",
        "final_layer_norm": "norm3",
    },
}
PIECES = ("q_proj", "k_proj", "v_proj")  # one matrix here


def build(*, levels: int = 4, queries: int = 30, classes: int = 1) -> Any:
    """transformers' network with 6 + 6 layers, refined boxes and heads that are not tied, every tensor drawn anew."""
    from transformers import DeformableDetrConfig, DeformableDetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(out_features=["stage2", "stage3", "stage4"])
    config = DeformableDetrConfig(
        use_timm_backbone=False,
        backbone_config=backbone,
        num_labels=classes,
        num_queries=queries,
        num_feature_levels=levels,
        with_box_refine=True,
        dropout=0.0,
        attn_implementation="eager",
    )
    network = DeformableDetrForObjectDetection(config)
    untie(network)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if "running_var" in name or name.endswith("normalization.weight"):
                tensor.uniform_(0.8, 1.2, generator=generator)
            elif tensor.ndim > 1 and "backbone" not in name:
                tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.02)
    return network.eval()


def untie(network: Any) -> None:
    """Give every decoder layer heads of its own; transformers ties them, refinement or not."""
    from copy import deepcopy

    network.class_embed = nn.ModuleList([deepcopy(head) for head in network.class_embed])
    network.bbox_embed = nn.ModuleList([deepcopy(head) for head in network.bbox_embed])
    network.model.decoder.bbox_embed = network.bbox_embed


def ours(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Their tensors (weights, or gradients by name) under our names: of the backbone, and of `DeformableDetr`."""
    stem, detr = {}, {}
    for name, tensor in tensors.items():
        if name.startswith("model.backbone.model."):
            stem[_backbone(name.removeprefix("model.backbone.model."))] = tensor
        elif not name.startswith("model.decoder.bbox_embed") and not any(piece in name for piece in PIECES):
            detr[_detr(name)] = tensor
    for name in tensors:
        if ".self_attn.q_proj." in name and ".decoder." in name:
            parts = torch.cat([tensors[name.replace("q_proj", piece)] for piece in PIECES])
            where, kind = name.removeprefix("model.").split(".q_proj.")
            detr[f"{where}.in_proj_{kind}"] = parts
    return stem, detr


def _detr(name: str) -> str:
    name = name.removeprefix("model.").replace("query_position_embeddings", "query_embed")
    for part, words in LAYER.items():
        if name.startswith(f"{part}.layers."):
            for theirs, here in words.items():
                if f".{theirs}." in name:
                    return name.replace(f".{theirs}.", f".{here}.")
    return name


def _backbone(name: str) -> str:
    words = {"convolution": "conv", "normalization": "bn"}
    if name.startswith("embedder."):
        _, _, kind, leaf = name.split(".")
        return f"{words[kind]}1.{leaf}"
    stage, block, rest = re.fullmatch(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(.*)", name).groups()  # type: ignore[union-attr]
    where = f"layer{int(stage) + 1}.{block}"
    if rest.startswith("shortcut."):
        _, kind, leaf = rest.split(".")
        return f"{where}.downsample.{'0' if kind == 'convolution' else '1'}.{leaf}"
    _, number, kind, leaf = rest.split(".")
    return f"{where}.{words[kind]}{int(number) + 1}.{leaf}"
