"""Deformable DETR: parameters, starts, refinement and where depth is seen."""

from __future__ import annotations

import pytest
import torch

from models.backbones.resnet import resnet50
from models.queries.deformable_attention import lay_out
from models.queries.detr import BoxHead, DeformableDetr
from models.queries.layers import DecoderLayer, DepthPlace, Sizes, inverse_sigmoid, refine
from pipeline.contract.spec import count_parameters

SMALL = Sizes(width=16, heads=2, levels=4, points=2, hidden=16, dropout=0.0)


def small(start: str = "learned", depth: DepthPlace = "off", encoder_layers: int = 1) -> DeformableDetr:
    return DeformableDetr(
        (8, 12, 20),
        SMALL,
        encoder_layers=encoder_layers,
        decoder_layers=2,
        queries=5,
        start=start,
        depth=depth,  # type: ignore[arg-type]
    ).eval()


def maps() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, 8, 8, 12), torch.randn(2, 12, 4, 6), torch.randn(2, 20, 2, 3)]


def test_parameters_are_as_many_as_in_the_paper() -> None:
    """The published count, 41,373,940, has five box heads twice; it is this network's and as much more."""
    detr = DeformableDetr((512, 1024, 2048), Sizes(256, 8, 4, 4, 1024, 0.0), encoder_layers=6, decoder_layers=6, queries=300)
    backbone = resnet50(frozen_norms=True)
    assert count_parameters(backbone) == 23_454_912
    assert count_parameters(detr) + count_parameters(backbone) + 5 * count_parameters(BoxHead(256)) == 41_373_940


def test_levels_beyond_the_given_maps_halve_the_last_one() -> None:
    projected = small().project(maps())
    assert [tuple(x.shape) for x in projected] == [(2, 16, 8, 12), (2, 16, 4, 6), (2, 16, 2, 3), (2, 16, 1, 2)]


def test_learned_queries_start_at_points_and_centres_at_their_boxes() -> None:
    learned, centres = small(), small("centres")
    encoded = learned.encode(learned.project(maps()))
    found = learned.decode(encoded, learned.start(2))
    assert found.logits.shape == (2, 2, 5, 1)
    assert found.queries.shape == (2, 5, 16)
    # the heads start at no step: boxes stay at the references, of a width and height of sigmoid(-2)
    points = learned.start(2).references
    torch.testing.assert_close(found.boxes[0, ..., :2], points)
    torch.testing.assert_close(found.boxes[0, ..., 2:], torch.full((2, 5, 2), -2.0).sigmoid())
    boxes = torch.rand(2, 5, 4) * 0.5 + 0.2
    at = centres.decode(centres.encode(centres.project(maps())), centres.start_at(boxes, torch.randn(2, 5, 16)))
    torch.testing.assert_close(at.boxes[-1], boxes)
    assert found.logits.sigmoid().mean().item() == pytest.approx(0.01, abs=0.01)


def test_boxes_are_refined_from_layer_to_layer_without_gradient_between() -> None:
    network = small()
    with torch.no_grad():
        for head in network.bbox_embed:
            head.layers[-1].bias.add_(0.5)  # type: ignore[union-attr, index, operator]
    found = network.decode(network.encode(network.project(maps())), network.start(2))
    torch.testing.assert_close(found.boxes[1], (inverse_sigmoid(found.boxes[0]) + 0.5).sigmoid())
    found.boxes[1].sum().backward()
    assert not network.bbox_embed[0].layers[-1].bias.grad.any()  # type: ignore[union-attr, index]


def test_points_are_refined_to_boxes() -> None:
    found = refine(torch.tensor([[[0.0, 1.0, 2.0, -2.0]]]), torch.tensor([[[0.5, 0.25]]]))
    assert found[0, 0].tolist() == pytest.approx([0.5, 0.475367, 0.880797, 0.119203], abs=1e-6)


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_depth_is_seen_in_its_place_and_without_positions(place: DepthPlace) -> None:
    torch.manual_seed(0)
    layer, levels = DecoderLayer(SMALL._replace(levels=1), place).eval(), lay_out([(2, 2)], torch.device("cpu"))
    seen: list[tuple[str, torch.Tensor]] = []
    for name in ("self_attn", "cross_attn", "cross_attn_depth"):
        getattr(layer, name).register_forward_pre_hook(
            lambda _, given, named, name=name: seen.append((name, given[0])),
            with_kwargs=True,  # type: ignore[misc]
        )
    queries = torch.randn(1, 3, 16)
    layer(queries, torch.randn(1, 3, 16), torch.rand(1, 3, 2), torch.randn(1, 4, 16), levels, torch.randn(1, 7, 16))
    order = {"before": [2, 0, 1], "between": [0, 2, 1], "after": [0, 1, 2]}[place]
    assert [name for name, _ in seen] == [("self_attn", "cross_attn", "cross_attn_depth")[i] for i in order]
    if place == "before":
        assert torch.equal(seen[0][1].transpose(0, 1), queries)


def test_decoders_with_depth_attention_need_depth() -> None:
    network = small(depth="after")
    with pytest.raises(ValueError, match="needs depth tokens"):
        network.decode(network.encode(network.project(maps())), network.start(2))


def test_without_encoder_the_cells_are_the_projected_maps() -> None:
    network = small(encoder_layers=0)
    projected = network.project(maps())
    cells = network.encode(projected).cells
    assert torch.equal(cells[:, :96], projected[0].flatten(2).transpose(1, 2))
