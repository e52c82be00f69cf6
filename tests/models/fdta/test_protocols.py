"""Three ways from probabilities to labels, against stored assignments and their rules."""

from __future__ import annotations

import numpy as np
import pytest

from models.fdta.protocols import PROTOCOLS, assign

A = [[0.50, 0.30, 0.10, 0.10], [0.45, 0.40, 0.05, 0.10], [0.10, 0.05, 0.15, 0.70]]
B = [[0.50, 0.30, 0.10, 0.10], [0.45, 0.40, 0.05, 0.10], [0.15, 0.05, 0.55, 0.25]]
ALL, WITHOUT_2 = [True] * 3, [True, True, False]
LOW = [[0.15, 0.15, 0.15, 0.10]]
TIE = [[0.60, 0.10, 0.10, 0.20], [0.60, 0.10, 0.10, 0.20]]
TABLE = [  # probabilities, alive, labels of object-max, id-max, hungarian (3: newborn); the first three are those of the released functions
    (A, ALL, [0, 3, 3], [0, 1, 3], [0, 1, 3]),
    (B, ALL, [0, 3, 2], [0, 1, 2], [0, 1, 2]),
    (B, WITHOUT_2, [0, 3, 3], [0, 1, 3], [0, 1, 3]),
    (LOW, ALL, [3], [3], [3]),  # nobody is sure enough
    (TIE, ALL, [0, 3], [0, 3], [0, 3]),  # the first object of equals
]


@pytest.mark.parametrize(("probabilities", "alive", "object_max", "id_max", "hungarian"), TABLE)
def test_labels(
    probabilities: list[list[float]], alive: list[bool], object_max: list[int], id_max: list[int], hungarian: list[int]
) -> None:
    for protocol, expected in zip(PROTOCOLS, (object_max, id_max, hungarian), strict=True):
        found = assign(protocol, np.array(probabilities), np.array(alive), 0.2)
        assert found.tolist() == expected, protocol


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_label_is_given_twice_and_none_that_nobody_has(protocol: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        logits = random.normal(size=(random.integers(1, 12), 9)) * 3
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        alive = random.random(8) < 0.7
        labels = assign(protocol, p.astype(np.float32), alive, 0.2)
        known = labels[labels < 8]
        assert len(set(known.tolist())) == len(known)
        assert alive[known].all()
        assert (p[np.flatnonzero(labels < 8), known] >= 0.2 - 1e-6).all()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_gets_no_label(protocol: str) -> None:
    assert assign(protocol, np.zeros((0, 4)), np.ones(3, bool), 0.2).shape == (0,)
