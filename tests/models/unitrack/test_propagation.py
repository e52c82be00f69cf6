"""Propagation of labels: golden C, the dense form as reference, its borders and its degenerate inputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.unitrack.propagation import Source, propagate
from tests.models.unitrack.golden import feature_map

GOLDEN_C = [
    [0, 0, 0, 0.363292, 0.306472],
    [0.469048, 0.661669, 1, 0.519077, 0.423784],
    [0.404658, 0.480653, 0.990779, 0.294160, 0.369073],
    [0.647527, 0, 0, 0.854905, 0.584776],
]


def test_golden_c() -> None:
    first, second = torch.zeros(4, 5, 1, dtype=torch.float64), torch.zeros(4, 5, 1, dtype=torch.float64)
    first[1:3, 1:4], second[1:3, 2:5] = 1, 1
    maps = [feature_map(t, 3, 4, 5).permute(1, 2, 0) for t in (0, 1, 1.5)]
    labels = propagate(maps[2], [Source(maps[0], first)], [Source(maps[1], second)], top_k=3, temperature=0.05, radius=2)[..., 0]
    assert torch.allclose(labels, torch.tensor(GOLDEN_C, dtype=torch.float64), atol=5e-7)
    assert float(labels.sum()) == pytest.approx(8.369873, abs=5e-7)


@pytest.mark.parametrize(
    ("size", "radius", "top_k", "recent"),
    [
        ((20, 37), 12.0, 10, 5),  # several tiles, none of which divides the map
        ((8, 8), 3.0, 4, 2),  # one tile exactly
        ((5, 4), 1.0, 10, 1),  # only the same cell of the recent frame is near
        ((1, 1), 12.0, 10, 1),  # fewer sources than the top k
        ((13, 18), 2.5, 1, 0),  # no recent frame; one source takes all
    ],
)
def test_tiles_give_what_the_dense_masked_product_gives(size: tuple[int, int], radius: float, top_k: int, recent: int) -> None:
    sources = [_source(size, seed) for seed in range(1 + recent)]
    query = _source(size, 99).features
    fast = propagate(query, sources[:1], sources[1:], top_k=top_k, radius=radius)
    assert torch.allclose(fast, _dense(query, sources[:1], sources[1:], top_k, radius), atol=1e-9)


def test_normalisation_is_over_sources_not_over_targets() -> None:
    """Labels that are 1 everywhere stay 1: what each target receives sums to 1 (Eq. 1 as printed would not)."""
    source = _source((6, 7), 0)
    ones = Source(source.features, torch.ones(6, 7, 2, dtype=torch.float64))
    assert torch.allclose(propagate(_source((6, 7), 1).features, [ones], [ones], radius=2), ones.labels)


def test_the_first_frame_is_unrestricted_and_the_others_are_not() -> None:
    """A point that jumps across the map is found in the first frame and missed in a recent one."""
    features = torch.eye(24, dtype=torch.float64).reshape(4, 6, 24)
    moved = features.flip(1)
    labels = torch.zeros(4, 6, 1, dtype=torch.float64)
    labels[0, 0] = 1
    blank = Source(features, torch.zeros_like(labels))
    assert float(propagate(moved, [Source(features, labels)], [], top_k=1)[0, 5, 0]) == 1
    assert float(propagate(moved, [blank], [Source(features, labels)], top_k=1, radius=3)[0, 5, 0]) == 0


def test_zero_vectors_give_numbers() -> None:
    source = _source((4, 4), 0)
    broken = Source(torch.zeros_like(source.features), source.labels)
    assert bool(propagate(source.features, [broken], [broken]).isfinite().all())


def test_an_anchor_is_needed() -> None:
    source = _source((4, 4), 0)
    with pytest.raises(ValueError, match="labels are known"):
        propagate(source.features, [], [source])


def _source(size: tuple[int, int], seed: int) -> Source:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(*size, 8, generator=generator, dtype=torch.float64)
    return Source(features / features.norm(dim=2, keepdim=True), torch.rand(*size, 3, generator=generator, dtype=torch.float64))


def _dense(query: Tensor, anchors: list[Source], recent: list[Source], top_k: int, radius: float) -> Tensor:
    height, width, channels = query.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    y, x = y.flatten(), x.flatten()
    far = (y[:, None] - y[None]) ** 2 + (x[:, None] - x[None]) ** 2 >= radius**2
    targets = query.reshape(-1, channels)
    columns = [targets @ s.features.reshape(-1, channels).T for s in anchors]
    columns += [(targets @ s.features.reshape(-1, channels).T).masked_fill(far, -math.inf) for s in recent]
    affinity = torch.cat(columns, 1)
    values, places = affinity.topk(min(top_k, affinity.shape[1]), 1)
    labels = torch.cat([s.labels.flatten(0, 1) for s in [*anchors, *recent]])
    return (torch.softmax(values / 0.05, 1)[..., None] * labels[places]).sum(1).reshape(height, width, -1)
