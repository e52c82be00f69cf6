"""The loops that benchmarks compare with give what the pipeline gives."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import loops, maps
from models.dense.options import STRIDE
from models.dense.peaks import LEAST_SCORE
from models.dense.targets import frame_targets
from models.occlusion.evidence import find_evidence
from models.occlusion.labels import occluded_regions
from models.outrack.decode import decode
from pipeline.contract.clips import TrainingFrame

CELLS = maps.people() / STRIDE


def test_heat_map() -> None:
    boxes = maps.people()
    frame = TrainingFrame(np.zeros((maps.HEIGHT, maps.WIDTH, 3), np.uint8), boxes, np.arange(len(boxes)), np.zeros(len(boxes), np.bool_))
    heat = frame_targets(frame, maps.options())["heatmap"][0]
    np.testing.assert_allclose(heat, loops.heat_map(CELLS, *heat.shape), atol=1e-7)


@pytest.mark.parametrize("threshold", [0.1, 0.7])
def test_occlusion_labels(threshold: float) -> None:
    found, expected = occluded_regions(CELLS, threshold), loops.occluded_regions(CELLS, threshold)
    assert len(found) > 0
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(np.array(expected, np.float32), axis=0))


def test_decode() -> None:
    outputs, options = maps.maps(), maps.options()
    found, expected = decode(None, outputs, options)[0], loops.decode(outputs, options.tracker.top_k, LEAST_SCORE)
    assert len(found.boxes) == len(expected) > 50
    for number, (box, score, embedding) in enumerate(expected):
        np.testing.assert_allclose(found.boxes[number], box, atol=1e-4)
        assert found.scores[number] == pytest.approx(score, abs=1e-7)
        np.testing.assert_allclose(found.embeddings[number], embedding, atol=1e-6)


def test_refinding() -> None:
    boxes, centres = maps.people().astype(np.float64), maps.points()
    found = find_evidence(boxes[:10] + 3, boxes[10:], centres).scores
    assert found.max() > 0.1
    np.testing.assert_allclose(found, loops.find_evidence(boxes[:10] + 3, boxes[10:], centres), rtol=1e-9)
