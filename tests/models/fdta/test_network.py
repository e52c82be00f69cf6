"""What the network gives, where its queries start, and that it exports."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.fdta.id_decoder import Present
from models.fdta.network import FdtaNetwork, FdtaOutputs, build_network, peak_boxes
from models.fdta.options import FdtaOptions
from pipeline.contract.spec import count_parameters
from tests.models.fdta.samples import LOSS, NETWORK, TRACKER, small_options

PAPER = {
    **NETWORK,
    "backbone": "resnet50",
    "width": 256,
    "levels": 4,
    "heads": 8,
    "points": 4,
    "encoder_layers": 6,
    "decoder_layers": 6,
    "hidden": 1024,
    "num_queries": 300,
    "queries": "learned",
    "depth_bins": 150,
    "depth_max": 256.0,
    "depth_projection": "shared",
    "depth_hidden": 256,
    "depth_stride": 8,
    "temporal_layers": 6,
    "temporal_hidden": 512,
    "frames": 30,
    "vocabulary": 50,
    "id_layers": 6,
    "id_heads": 16,
    "id_hidden": 1024,
    "trajectory_hidden": 512,
    "identity_hidden": 256,
    "max_objects": 100,
}
BOX_HEAD = 132_612


def network(**options: Any) -> FdtaNetwork:
    torch.manual_seed(0)
    return build_network(small_options(**options)).eval()


def test_the_papers_network_has_the_papers_parameters() -> None:
    """66,363,595 in all, of which the published count has five box heads twice; the stem's and the first stage's are frozen."""
    options = FdtaOptions.model_validate({"network": PAPER, "loss": LOSS, "tracker": TRACKER})
    with torch.device("meta"):
        model = build_network(options)
    assert sum(p.numel() for p in model.parameters()) == 66_363_595 - 5 * BOX_HEAD
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert all(name.startswith(("detector.backbone.conv1", "detector.backbone.layer1")) for name in frozen)
    assert sum(p.numel() for p in model.parameters()) - count_parameters(model) == 7 * 7 * 3 * 64 + 212_992


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ({}, {"depth", "heatmap", "sides", "offset"}),
        ({"queries": "learned"}, {"depth"}),
        ({"queries": "learned", "depth_attention": "off"}, set()),
    ],
)
def test_outputs_have_their_shapes(options: dict[str, Any], there: set[str]) -> None:
    found = network(**options)(torch.rand(2, 3, 64, 96))
    assert found.logits.shape == (2, 2, 12, 1)
    assert found.boxes.shape == (2, 2, 12, 4)
    assert found.queries.shape == (2, 12, 16)
    assert found.pixels.tolist() == [[96, 64]] * 2
    shapes = {"depth": (2, 7, 8, 12), "heatmap": (2, 1, 16, 24), "sides": (2, 4, 16, 24), "offset": (2, 2, 16, 24)}
    for name, shape in shapes.items():
        value = getattr(found, name)
        assert (value is not None) == (name in there)
        assert value is None or value.shape == shape


def test_queries_start_at_the_best_peaks() -> None:
    heatmap = torch.full((1, 1, 6, 8), -5.0)
    heatmap[0, 0, 2, 3], heatmap[0, 0, 2, 4], heatmap[0, 0, 5, 7] = 3.0, 2.5, 1.0  # the second is beside the first: no peak
    sides = torch.ones(1, 4, 6, 8) * torch.tensor([1.0, 0.5, 2.0, 1.5]).view(1, 4, 1, 1)
    boxes = peak_boxes({"heatmap": heatmap, "sides": sides, "offset": torch.full((1, 2, 6, 8), 0.5)}, 3)[0]
    torch.testing.assert_close(boxes[0], torch.tensor([4.0 / 8, 3.0 / 6, 3.0 / 8, 2.0 / 6]))
    torch.testing.assert_close(boxes[1], torch.tensor([1.0, 1.0, 3.0 / 8, 2.0 / 6]))
    assert ((boxes >= 0) & (boxes <= 1)).all()


def test_there_are_as_many_queries_as_asked_though_the_map_has_fewer_cells() -> None:
    heat = {"heatmap": torch.randn(1, 1, 2, 2), "sides": torch.ones(1, 4, 2, 2), "offset": torch.zeros(1, 2, 2, 2)}
    assert peak_boxes(heat, 7).shape == (1, 7, 4)


def test_detached_depth_leaves_the_backbone_alone() -> None:
    for detached in (True, False):
        model = network(depth_detached=detached)
        found = model(torch.rand(1, 3, 64, 96))
        assert found.depth is not None
        found.depth.square().sum().backward()
        reached = any(p.grad is not None and p.grad.any() for p in model.detector.backbone.parameters())
        assert reached != detached


@pytest.mark.slow
def test_the_detector_exports() -> None:
    model, images = network(decoder_layers=1), torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        program = torch.export.export(model, (images,)).module()
        for own, exported in zip(model(images), program(images), strict=True):
            assert (own is None) == (exported is None)
            if own is not None:
                torch.testing.assert_close(exported, own, atol=1e-5, rtol=1e-5)


def test_bfloat16_moves_boxes_by_less_than_a_pixel() -> None:
    model, images = network(), torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected: FdtaOutputs = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            found: FdtaOutputs = model(images)
    assert found.boxes.dtype == torch.float32
    ours, theirs = (x.boxes[:, -1].sort(1).values for x in (found, expected))
    assert ((ours - theirs).abs().median() * 96).item() < 1.0


def test_association_sees_the_past_through_the_temporal_adapter_if_there_is_one() -> None:
    torch.manual_seed(1)
    past, seen = torch.randn(1, 2, 3, 16), torch.ones(1, 2, 3, dtype=torch.bool)
    labels, times = torch.tensor([[4, 1]]), torch.arange(3)[None]
    present = Present(torch.randn(1, 1, 2, 16), torch.tensor([[3]]), torch.ones(1, 1, 2, dtype=torch.bool))
    with_adapter, without = network().association, network(temporal=False).association
    assert with_adapter(past, seen, labels, times, present).shape == (1, 1, 2, 7)
    swapped = past.clone()
    swapped[:, :, [0, 1]] = past[:, :, [1, 0]]
    # without the adapter, an observation is remembered as if it had no past
    alone = without.remember(past[0], seen[0])
    torch.testing.assert_close(without.remember(swapped[0], seen[0])[:, 2], alone[:, 2])
    assert not torch.allclose(with_adapter.remember(swapped[0], seen[0])[:, 2], with_adapter.remember(past[0], seen[0])[:, 2])
