"""Retrieval by hand-ranked lists."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.scoring.reid import average_precision, retrieval


@pytest.mark.parametrize(
    ("hits", "expected"),
    [
        ([1], 1.0),
        ([1, 1, 0], 1.0),
        ([0, 1], (0 + 1 / 2) / 2),  # precision rises from 0 to 1/2 at the only hit
        ([1, 0, 1], ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2) / 2),
        ([0, 0, 1, 1], ((0 + 1 / 3) / 2 + (1 / 3 + 2 / 4) / 2) / 2),
    ],
)
def test_average_precision(hits: list[int], expected: float) -> None:
    assert average_precision(np.array(hits, bool)) == pytest.approx(expected)


def angles(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_first_half_queries_the_rest() -> None:
    identities, frames = np.array([1, 1, 1, 2, 2]), np.array([3, 1, 2, 1, 2])
    found = retrieval(identities, frames, angles(0, 1, 2, 90, 91))
    assert found == (100, 100, 2, 3, 2), "floor(3/2) and floor(2/2) queries"


def test_a_wrong_neighbour_costs_rank_one() -> None:
    # query 0 deg: gallery of identity 1 at 60 deg, of identity 2 at 10 deg; query 12 deg of identity 2 finds its own
    identities, frames = np.array([1, 2, 1, 2]), np.array([1, 1, 2, 2])
    found = retrieval(identities, frames, angles(0, 12, 60, 10))
    assert (found.R1, found.mAP) == pytest.approx((50, 100 * (0.25 + 1) / 2))


def test_an_identity_seen_once_only_distracts() -> None:
    found = retrieval(np.array([1, 1, 2]), np.array([1, 2, 1]), angles(0, 30, 5))
    assert (found.queries, found.gallery, found.R1) == (1, 2, 0)


def test_length_does_not_matter() -> None:
    embeddings = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    identities, frames = np.arange(40) % 5, np.arange(40) // 5
    scaled = embeddings * np.linspace(0.1, 9, 40, dtype=np.float32)[:, None]
    assert retrieval(identities, frames, embeddings) == pytest.approx(retrieval(identities, frames, scaled))


def test_many_queries_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)
    identities, frames = np.arange(60) % 6, np.arange(60) // 6
    whole = retrieval(identities, frames, embeddings)
    monkeypatch.setattr("pipeline.scoring.reid.QUERIES_AT_ONCE", 7)
    assert retrieval(identities, frames, embeddings) == pytest.approx(whole)
    assert 0 < whole.mAP < 60, "random embeddings find little"


def test_nobody() -> None:
    assert retrieval(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 8), np.float32)) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("steps", [3, 1000])
def test_ranks_are_those_of_sorting_the_whole_gallery(steps: int) -> None:
    """With few steps many boxes are equally similar; the gallery's order decides then."""
    rng = np.random.default_rng(2)
    embeddings = np.round(rng.normal(size=(200, 4)) * steps).astype(np.float32) + np.float32(0.5)
    identities, frames = rng.integers(0, 12, 200), rng.permutation(200)
    found = retrieval(identities, frames, embeddings)
    queries = np.zeros(200, bool)
    for identity in range(12):
        members = [index for index in np.argsort(frames) if identities[index] == identity]
        queries[members[: len(members) // 2]] = True
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similar = units[queries] @ units[~queries].T
    hits = [identities[~queries][np.argsort(-row, kind="stable")] == own for row, own in zip(similar, identities[queries], strict=True)]
    assert found.mAP == pytest.approx(100 * np.mean([average_precision(row) for row in hits]), abs=1e-4)
    assert pytest.approx(100 * np.mean([row[0] for row in hits])) == found.R1
    assert (found.queries, found.gallery) == (queries.sum(), (~queries).sum())
