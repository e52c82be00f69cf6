"""Files of the published layout fill the network; a torn one is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.fdta.foreign import adapt, is_published, rename
from models.fdta.network import FdtaNetwork, build_network
from pipeline.errors import UserError
from pipeline.files import model_folder
from tests.models.fdta.samples import small_options

LAYERS, WIDTH, LEVELS, VOCABULARY = 2, 16, 4, 6


@cache
def original() -> dict[str, Tensor]:
    """Weights that no test changes."""
    return motip().state_dict()


def motip() -> FdtaNetwork:
    """All adapters off; the backbone is ResNet-50."""
    torch.manual_seed(0)
    off = {"depth_attention": "off", "temporal": False}
    return build_network(small_options(backbone="resnet50", queries="learned", levels=LEVELS, encoder_layers=LAYERS, **off))


def published(classes: int = 1, prefix: str = "detr.") -> dict[str, Tensor]:
    """A file as MOTIP writes it: names written down here, values of a network."""
    own = original()
    found: dict[str, Tensor] = {}
    linear = ("weight", "bias")
    attention = [f"{part}.{kind}" for part in ("sampling_offsets", "attention_weights", "value_proj", "output_proj") for kind in linear]
    dense = ["self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias"]
    feed = [f"{part}.{kind}" for part in ("linear1", "linear2") for kind in linear]
    inside = {
        "encoder": [f"self_attn.{x}" for x in attention] + feed + [f"norm{i}.{kind}" for i in (1, 2) for kind in linear],
        "decoder": [f"cross_attn.{x}" for x in attention] + dense + feed + [f"norm{i}.{kind}" for i in (1, 2, 3) for kind in linear],
    }
    for part, names in inside.items():
        for layer in range(LAYERS):
            for name in names:
                found[f"{prefix}transformer.{part}.layers.{layer}.{name}"] = own[f"detector.detr.{part}.layers.{layer}.{name}"]
    for name in ("level_embed", "reference_points.weight", "reference_points.bias"):
        found[f"{prefix}transformer.{name}"] = own[f"detector.detr.{name}"]
    heads = [f"bbox_embed.{i}.layers.{j}.{kind}" for i in range(LAYERS) for j in range(3) for kind in linear]
    for name in [*heads, "query_embed.weight", *(f"input_proj.{i}.{j}.{kind}" for i in range(LEVELS) for j in (0, 1) for kind in linear)]:
        found[f"{prefix}{name}"] = own[f"detector.detr.{name}"]
    for name in heads:
        found[f"{prefix}transformer.decoder.{name}"] = own[f"detector.detr.{name}"]
    for layer in range(LAYERS):
        for kind in linear:
            row = own[f"detector.detr.class_embed.{layer}.{kind}"]
            others = [torch.full_like(row, -float(i)) for i in range(classes)]
            rows = [row] if classes == 1 else [*others[:1], row, *others[2:]]
            found[f"{prefix}class_embed.{layer}.{kind}"] = torch.cat(rows)
    for name, tensor in own.items():
        if name.startswith("detector.backbone.") and not name.endswith("num_batches_tracked"):
            found[f"{prefix}backbone.0.body.{name.removeprefix('detector.backbone.')}"] = tensor
        if name.startswith("association.") and not name.endswith("embed_to_word.weight"):
            found[name.removeprefix("association.")] = tensor
    for layer in range(LAYERS):
        found[f"id_decoder.embed_to_word_layers.{layer}.weight"] = own["association.id_decoder.embed_to_word.weight"]
    return found


def test_a_published_file_fills_every_tensor_with_its_own(tmp_path: Path) -> None:
    adapted = adapt(published(classes=91))
    torch.save(adapted, tmp_path / "weights.pth")
    network = motip()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    report = model_folder.load(network, tmp_path / "weights.pth")
    assert report.share == 1.0
    assert report.unexpected == ()
    for name, tensor in original().items():
        assert torch.equal(network.state_dict()[name], tensor), name


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    whole = adapt(published())
    torch.save(dict(list(whole.items())[: len(whole) // 2]), tmp_path / "torn.pth")
    with pytest.raises(UserError, match="fits the network only in part"):
        model_folder.load(motip(), tmp_path / "torn.pth")
    model_folder.save(build_network(small_options()), tmp_path / "whole.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read as weights"):
        model_folder.load(build_network(small_options()), tmp_path / "cut.safetensors")


@pytest.mark.parametrize("changes", [{"width": 32}, {"vocabulary": 9}, {"frames": 9}])
def test_weights_of_another_width_vocabulary_or_time_table_are_refused(changes: dict[str, int], tmp_path: Path) -> None:
    model_folder.save(build_network(small_options()), tmp_path / "own.safetensors")
    with pytest.raises(UserError, match=r"fits the network only in part(.|\n)*next: use weights of the same model.network options"):
        model_folder.load(build_network(small_options(**changes)), tmp_path / "own.safetensors")


def test_a_plain_detectors_file_has_no_prefix() -> None:
    plain = {name: tensor for name, tensor in published(prefix="").items() if not name.startswith(("id_decoder", "trajectory"))}
    assert is_published(plain)
    own = {name for name in original() if name.startswith("detector.") and not name.endswith("num_batches_tracked")}
    assert set(adapt(plain)) == own


def test_a_file_of_our_own_and_unknown_names_stay_as_they_are() -> None:
    own = original()
    assert adapt(own) is own
    assert rename("detr.depth_predictor.proj.0.weight") == "detr.depth_predictor.proj.0.weight"
