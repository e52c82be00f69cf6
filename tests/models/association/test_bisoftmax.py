"""Similarities, duplicates, nearest candidates and backdrops. Golden values Q4 and Q6; the tracker's own are in tests/models/qdtrack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.association.bisoftmax import (
    DROPPED,
    FREE,
    SIMILARITIES,
    backdrops,
    bisoftmax,
    cosine,
    kept,
    nearest_candidates,
    similarity,
)

NEW = np.array([[2, 0], [0, 2], [1.5, 0.5]], np.float32)
OLD = np.array([[1.8, 0.2], [0.1, 1.9], [1.2, 0.9]], np.float32)


def test_bisoftmax() -> None:
    expected = [[0.710203, 0.024985, 0.320354], [0.027956, 0.884640, 0.171784], [0.434922, 0.082610, 0.342546]]
    np.testing.assert_allclose(bisoftmax(NEW, OLD), expected, atol=1e-6)
    np.testing.assert_allclose(bisoftmax(NEW, OLD[:2])[2], [0.573540, 0.107933], atol=1e-6)


def test_small_and_large_matrices_are_the_same_mathematics() -> None:
    random = np.random.default_rng(0)
    for count in (3, 63, 65, 90):
        new, old = random.normal(size=(count, 4)).astype(np.float32), random.normal(size=(count + 1, 4)).astype(np.float32)
        shares = np.exp((new @ old.T).astype(np.float64))
        expected = (shares / shares.sum(1, keepdims=True) + shares / shares.sum(0)) / 2
        np.testing.assert_allclose(bisoftmax(new, old), expected, atol=1e-6)


def test_the_other_similarities() -> None:
    products = (NEW @ OLD.T).astype(np.float64)
    np.testing.assert_allclose(similarity("softmax", NEW, OLD), np.exp(products) / np.exp(products).sum(1, keepdims=True), rtol=1e-5)
    lengths = np.linalg.norm(NEW, axis=1)[:, None] * np.linalg.norm(OLD, axis=1)
    np.testing.assert_allclose(similarity("cosine", NEW, OLD), products / lengths, rtol=1e-5)
    np.testing.assert_allclose(similarity("both", NEW, OLD), (bisoftmax(NEW, OLD) + products / lengths) / 2, rtol=1e-5)
    with pytest.raises(ValueError, match="must be one of bisoftmax, softmax, cosine, both"):
        similarity("euclidean", NEW, OLD)  # type: ignore[arg-type]


def test_a_lone_detection_scores_a_half_with_anything() -> None:
    opposite = np.array([[9, 0], [-9, 0]], np.float32)
    np.testing.assert_allclose(bisoftmax(NEW[:1], opposite), [[1, 0.5]], atol=1e-6)
    np.testing.assert_allclose(bisoftmax(opposite, NEW[:1]), [[1], [0.5]], atol=1e-6)


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_nothing_and_vectors_of_no_length(kind: Any) -> None:
    assert similarity(kind, NEW[:0], OLD).shape == (0, 3)
    assert similarity(kind, NEW, OLD[:0]).shape == (3, 0)
    assert np.isfinite(similarity(kind, np.zeros((2, 2), np.float32), OLD)).all()
    assert np.isfinite(similarity(kind, 400 * NEW, 400 * OLD)).all()
    assert np.abs(cosine(np.zeros((2, 2), np.float32), OLD)).max() == 0


def test_duplicates_go_by_those_that_went_before() -> None:
    boxes = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [2, 0, 12, 20], [6, 0, 16, 20], [30, 0, 40, 20]], np.float32)
    scores = np.array([0.95, 0.9, 0.85, 0.4, 0.3], np.float32)
    # the third overlaps the first by 0.67, but the second, which went, by 0.82; greedy suppression would keep it
    assert kept(boxes, scores, sure=0.5, limit_unsure=0.3, limit_sure=0.7).tolist() == [True, False, False, False, True]
    assert kept(boxes[:0], scores[:0], sure=0.5, limit_unsure=0.3, limit_sure=0.7).tolist() == []


CASES: dict[str, tuple[list[list[float]], int, list[float], list[int]]] = {
    "the best is taken": ([[0.9, 0.6]], 2, [0.9], [0]),
    "a score of exactly the threshold does not match": ([[0.5]], 1, [0.9], [FREE]),
    "a taken track scores 0 with the others, whose second best may do": ([[0.9, 0.2], [0.8, 0.6]], 2, [0.9, 0.8], [0, 1]),
    "or not": ([[0.9, 0.2], [0.8, 0.4]], 2, [0.9, 0.8], [0, FREE]),
    "the more confident chooses first, though the other scores higher": ([[0.6], [0.9]], 1, [0.9, 0.8], [0, FREE]),
    "an unsure detection of a track is dropped": ([[0.9]], 1, [0.5], [DROPPED]),
    "and leaves the track to the next": ([[0.9], [0.8]], 1, [0.5, 0.5], [DROPPED, DROPPED]),
    "a backdrop is no track": ([[0.6, 0.9]], 1, [0.9], [FREE]),
    "equal scores go to the first": ([[0.7, 0.7]], 2, [0.9], [0]),
    "no candidates": ([[], []], 0, [0.9, 0.8], [FREE, FREE]),
}


@pytest.mark.parametrize("name", CASES)
def test_nearest_candidates(name: str) -> None:
    scores, tracks, confidences, expected = CASES[name]
    matrix = np.array(scores, np.float32).reshape(len(confidences), -1)
    found = nearest_candidates(matrix, tracks, np.array(confidences, np.float32), match=0.5, sure=0.5, drop=0.5)
    assert found.tracks.tolist() == expected


def test_an_unsure_detection_below_the_drop_score_stays_free() -> None:
    scores, confidence = np.array([[0.4]], np.float32), np.array([0.3], np.float32)
    assert nearest_candidates(scores, 1, confidence, match=0.3, sure=0.5, drop=0.5).tracks.tolist() == [FREE]
    assert nearest_candidates(scores, 1, confidence, match=0.3, sure=0.5, drop=0.35).tracks.tolist() == [DROPPED]


def test_backdrops_lie_apart_from_everything_better() -> None:
    boxes = np.array([[0, 0, 10, 20], [3, 0, 13, 20], [30, 0, 40, 20], [31, 0, 41, 20]], np.float32)
    free = np.array([False, True, True, True])
    assert backdrops(boxes, free, 0.3).tolist() == [False, False, True, False]
    assert backdrops(boxes, free, 0.9).tolist() == [False, True, True, True]
