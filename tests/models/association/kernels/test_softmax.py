"""Bi-softmax of cosines against the plain formula."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.bisoftmax import bisoftmax as of_products
from models.association.kernels.softmax import ADAPTIVE, bisoftmax


def unit(random: np.random.Generator, count: int) -> np.ndarray:
    vectors = random.normal(size=(count, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("scale", [ADAPTIVE, 0.5, 30.0])
@pytest.mark.parametrize(("tracks", "detections"), [(5, 7), (1, 4), (3, 1), (1, 1), (0, 3), (3, 0), (0, 0)])
def test_the_mean_of_two_softmaxes(tracks: int, detections: int, scale: float) -> None:
    random = np.random.default_rng(2)
    looks, features, rows = unit(random, 2 * tracks), unit(random, detections), np.arange(tracks) * 2
    found, expected = bisoftmax(looks, rows, features, scale), np.zeros((tracks, detections))
    for row in range(tracks):
        for column in range(detections):
            over_detections, over_tracks = (2 * np.log(n + 1) if scale == ADAPTIVE else scale for n in (detections, tracks))
            along = [np.exp(over_detections * float(looks[rows[row]] @ features[k])) for k in range(detections)]
            across = [np.exp(over_tracks * float(looks[rows[k]] @ features[column])) for k in range(tracks)]
            expected[row, column] = (along[column] / sum(along) + across[row] / sum(across)) / 2
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_at_scale_one_it_is_qdtracks_of_unit_vectors() -> None:
    random = np.random.default_rng(3)
    looks, features = unit(random, 6), unit(random, 4)
    np.testing.assert_allclose(bisoftmax(looks, np.arange(6), features, 1.0), of_products(looks, features), atol=2e-6)
