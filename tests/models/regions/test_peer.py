"""The same numbers as onnxruntime's RoiAlign (opset 16) and NonMaxSuppression, where it is installed (benchmarks/peers.txt)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.regions.align import align
from models.regions.nms import nms

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is a peer of the benchmarks, not installed here")
pytest.importorskip("onnx", reason="onnx writes the peer's models, not installed here")

from benchmarks.regions import BOXES, OVERLAP, REGIONS, nms_model, pyramid, roi_align_model, some_boxes  # noqa: E402


def run(model: bytes, **inputs: NDArray[Any]) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found: NDArray[Any] = session.run(None, inputs)[0]
    return found


def test_regions_are_read_as_the_peer_does() -> None:
    finest, boxes, images = pyramid()[0], some_boxes(REGIONS), torch.zeros(REGIONS, dtype=torch.int64)
    theirs = run(roi_align_model(), map=finest.contiguous().numpy(), boxes=boxes.numpy(), images=images.numpy())
    np.testing.assert_allclose(align([finest], [4], boxes, images).numpy(), theirs, atol=1e-4)


def test_the_same_boxes_are_kept() -> None:
    torch.manual_seed(3)
    boxes, scores = some_boxes(BOXES), torch.rand(BOXES)
    theirs = run(nms_model(), boxes=boxes[None].numpy(), scores=scores[None, None].numpy())[:, 2]
    ours = nms(boxes, scores, torch.zeros(BOXES, dtype=torch.int64), OVERLAP)
    assert ours.tolist() == theirs.tolist()
