from __future__ import annotations

import numpy as np
import pytest

from pipeline.params.classes import CYCLIST, NAMES, TRACKABLE, class_indices, class_numbers


def test_numbers_up_to_13_are_motchallenges_and_names_are_unique() -> None:
    assert list(NAMES) == list(range(1, 19))
    assert [NAMES[number] for number in (1, 2, 7, 13)] == ["pedestrian", "person on vehicle", "static person", "crowd"]
    assert len(set(NAMES.values())) == len(NAMES)
    assert CYCLIST == 18
    assert "crowd" not in TRACKABLE
    assert "rider" in TRACKABLE


def test_an_index_counts_in_the_list_of_tracked_classes() -> None:
    found = class_indices(np.array([18, 1, 3, 1]), ("pedestrian", "cyclist"))
    assert found.tolist() == [1, 0, -1, 0]
    assert class_indices(np.zeros(0, np.int32), ("pedestrian",)).dtype == np.int64
    with pytest.raises(KeyError):
        class_numbers(["dog"])
