"""Labels, hidden spans, traded places and expected answers of a clip."""

from __future__ import annotations

import numpy as np
import pytest

from models.fdta.identity_groups import draw_groups, draw_labels, expected_answers, hidden_spans, switched
from tests.models.fdta.samples import small_options


def test_answers_are_the_stored_ones() -> None:
    # label 7, seen in frames 2, 3 and 5 of 5 (released code): nothing, newborn, 7, nothing, 7
    shown = np.array([[False], [True], [True], [False], [True]])
    past = np.where(shown, 0, -1)
    assert expected_answers(np.array([7]), past, shown, 50)[:, 0].tolist() == [-1, 50, 7, -1, 7]


def test_each_person_has_one_label_and_of_too_many_a_random_choice() -> None:
    random = np.random.default_rng(0)
    known = np.array([True, False, True, True])
    labels = draw_labels(known, 6, random)
    assert labels[1] == -1
    assert len(set(labels[known].tolist())) == 3
    assert ((labels[known] >= 0) & (labels[known] < 6)).all()
    chosen = np.array([draw_labels(np.ones(5, bool), 2, random) >= 0 for _ in range(300)])
    assert (chosen.sum(1) == 2).all()
    assert chosen.mean(0) == pytest.approx([0.4] * 5, abs=0.1)


def test_spans_begin_anywhere_and_are_as_likely_as_asked() -> None:
    random = np.random.default_rng(0)
    present = np.ones((6, 4000), bool)
    hidden = hidden_spans(present, 0.5, random)
    # half of the trajectories; of those, the one in six that would begin in the last frame has no span
    assert hidden.any(0).mean() == pytest.approx(0.5 * 5 / 6, abs=0.03)
    assert (np.abs(np.diff(np.pad(hidden.astype(int), ((1, 1), (0, 0))), axis=0)).sum(0) <= 2).all(), "one span each"
    assert not hidden[-1].any(), "the last frame is never hidden, as released"
    assert not hidden_spans(present, 0.0, random).any()


def test_places_are_traded_within_a_frame_and_only_by_those_shown() -> None:
    random = np.random.default_rng(0)
    shown = np.random.default_rng(1).random((200, 8)) < 0.7
    past = switched(shown, 0.5, random)
    assert ((past == -1) == ~shown).all()
    for row, who in zip(past, shown, strict=True):
        assert sorted(row[who].tolist()) == np.flatnonzero(who).tolist()
    assert 0.2 < (past[shown] != np.nonzero(shown)[1]).mean() < 0.5
    assert (switched(shown, 0.0, random)[shown] == np.nonzero(shown)[1]).all()


def test_groups_follow_from_the_seed_and_differ() -> None:
    options = small_options(loss={"groups": 4})
    present = np.ones((5, 8), bool)
    present[:, 6:] = False
    one, two = (draw_groups(present, options, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert one["labels"].shape == (4, 8)
    assert one["past"].shape == one["answers"].shape == (4, 5, 8)
    assert len({tuple(row) for row in one["labels"].tolist()}) == 4
    # what is answered is the person's own label, a newborn, or nothing
    own = np.broadcast_to(one["labels"][:, None], one["answers"].shape)
    assert ((one["answers"] == own) | (one["answers"] == 6) | (one["answers"] == -1)).all()
    assert (one["answers"][:, 0] == -1).all()
