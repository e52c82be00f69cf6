"""Backbone, encoder, decoder and heads say what transformers' DeformableDetr says with the same weights, and learn the same."""

from __future__ import annotations

import pytest
import torch

from models.backbones.resnet import resnet50
from models.queries.detr import DeformableDetr
from models.queries.layers import Sizes
from tests.models.queries import peer

QUERIES = 30


@pytest.mark.slow
def test_six_and_six_layers_agree_with_transformers() -> None:
    pytest.importorskip("transformers")  # here, so that it takes no time where this test is left out
    torch.manual_seed(0)
    theirs = peer.build(queries=QUERIES).double()
    backbone = resnet50(("layer2", "layer3", "layer4"), frozen_norms=True).double().eval()
    detr = (
        DeformableDetr((512, 1024, 2048), Sizes(256, 8, 4, 4, 1024, 0.0), encoder_layers=6, decoder_layers=6, queries=QUERIES)
        .double()
        .eval()
    )
    stem, rest = peer.ours(theirs.state_dict())
    missing = backbone.load_state_dict(stem, strict=False)
    assert missing.unexpected_keys == []
    assert [name for name in missing.missing_keys if "num_batches" not in name] == []
    detr.load_state_dict(rest)  # strict: every tensor of either is the other's
    images = torch.rand(1, 3, 64, 96).double()  # in float32 a gradient differs by up to 1.1e-3, where a point crosses a cell
    seen = theirs(images, pixel_mask=torch.ones(1, 64, 96, dtype=torch.long))
    found = detr.decode(detr.encode(detr.project(backbone(images))), detr.start(1))
    torch.testing.assert_close(found.logits[-1], seen.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.boxes[-1], seen.pred_boxes, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.boxes.transpose(0, 1), seen.intermediate_reference_points, atol=1e-4, rtol=0)
    assert found.boxes.std() > 0.02, "the boxes differ enough to compare"
    generator = torch.Generator().manual_seed(1)
    score, place = torch.randn(seen.logits.shape, generator=generator), torch.randn(seen.pred_boxes.shape, generator=generator)
    ((found.logits[-1] * score).sum() + (found.boxes[-1] * place).sum()).backward()
    ((seen.logits * score).sum() + (seen.pred_boxes * place).sum()).backward()
    gradients = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    stem, rest = peer.ours(gradients)
    own = {**dict(backbone.named_parameters()), **dict(detr.named_parameters())}
    compared = 0
    for name, gradient in (stem | rest).items():
        expected = gradient.norm() + 1e-6
        assert (own[name].grad - gradient).norm() <= 1e-3 * expected, name
        compared += 1
    assert compared > 250
