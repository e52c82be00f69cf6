from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.files.splits import Ranges, check_rule, half, read_split, spans, split_sequence, write_split
from pipeline.params.sections.data import Split

MOT17 = [600, 1050, 837, 525, 654, 900, 750]  # frames of 02, 04, 05, 09, 10, 11, 13


def rule(**changes: Any) -> Split:
    return Split(**({"rule": "half", "boundary": "fairmot", "train": [], "val": []} | changes))


def test_mot17_halves_are_those_of_the_two_conventions() -> None:
    fairmot = [half(frames, "fairmot") for frames in MOT17]
    assert fairmot == [300, 525, 418, 262, 327, 450, 375]
    assert sum(fairmot) == 2657
    assert sum(MOT17) - sum(fairmot) == 2659
    assert sum(half(frames, "centertrack") for frames in MOT17) == 2664


@pytest.mark.parametrize(
    ("frames", "boundary", "expected"), [(0, "fairmot", 0), (1, "fairmot", 0), (1, "centertrack", 1), (2, "centertrack", 2)]
)
def test_tiny_sequences(frames: int, boundary: Any, expected: int) -> None:
    assert half(frames, boundary) == expected


def test_ranges_are_frame_numbers_and_count_what_is_there() -> None:
    assert split_sequence("a", [1, 2, 3, 4, 5], rule()) == Ranges((1, 2), (3, 5))
    assert split_sequence("a", [1, 2, 3, 4, 5], rule(boundary="centertrack")) == Ranges((1, 3), (4, 5))
    assert split_sequence("a", [10, 20, 40, 80], rule()) == Ranges((10, 20), (40, 80))
    assert split_sequence("a", [7], rule()) == Ranges(None, (7, 7))


def test_sequence_lists() -> None:
    lists = rule(rule="sequences", train=["a"], val=["b"])
    assert split_sequence("a", [1, 2, 3], lists) == Ranges((1, 3), None)
    assert split_sequence("b", [1, 2, 3], lists) == Ranges(None, (1, 3))
    assert split_sequence("c", [1, 2, 3], lists) == Ranges(None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": ["a"]}, "rule half takes no lists"),
        ({"rule": "sequences", "train": ["a"], "val": ["a"]}, "a would train and be held out"),
        ({"rule": "sequences", "train": ["x"]}, "no such sequence: x; there are a, b"),
        ({"rule": "sequences", "val": ["a"]}, "needs at least one sequence"),
    ],
)
def test_lists_that_cannot_be_followed_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_rule(rule(**changes), ["b", "a"])


def test_a_split_is_read_as_written(tmp_path: Path) -> None:
    splits = {"walkers": {"one": Ranges((1, 5), (6, 9)), "two": Ranges(None, (1, 1))}}
    write_split(tmp_path / "split.json", splits)
    assert read_split(tmp_path) == splits
    with pytest.raises(UserError, match="no such file"):
        read_split(tmp_path / "elsewhere")


def test_spans_of_train_val_and_all() -> None:
    splits = {"d": {"a": Ranges((1, 5), (6, 10)), "b": Ranges(None, (1, 9)), "c": Ranges(None, None)}}
    assert spans(splits, "val") == {("d", "a"): (6, 10), ("d", "b"): (1, 9)}
    assert spans(splits, "train") == {("d", "a"): (1, 5)}
    assert spans(splits, "all") == {("d", "a"): (1, 10), ("d", "b"): (1, 9)}
