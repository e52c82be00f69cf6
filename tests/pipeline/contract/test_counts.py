"""Counts among the terms of a loss."""

from __future__ import annotations

from pipeline.contract.counts import accuracies


def test_counts_of_right_answers_become_shares_of_what_was_asked() -> None:
    means = {"loss": 2.0, "known_right": 30.0, "known_asked": 40.0, "newborn_right": 0.0, "newborn_asked": 0.0, "all_right": 1.0}
    assert accuracies(means) == {"known_accuracy": 0.75}
