"""What the memory of labels holds, and for how long."""

from __future__ import annotations

import pytest
import torch

from models.unitrack.label_memory import LabelMemory
from models.unitrack.propagation import Source


def _frame(number: int, labels: int = 2) -> Source:
    return Source(torch.full((2, 3, 4), float(number)), torch.full((2, 3, labels), float(number)))


def _numbers(sources: list[Source]) -> list[int]:
    return [int(source.features[0, 0, 0]) for source in sources]


@pytest.mark.parametrize(
    ("fill", "appended", "expected"),
    [
        (False, 0, []),  # the first frame alone
        (True, 0, [0, 0, 0]),  # the first frame fills all places, as released
        (True, 2, [0, 1, 2]),  # and gives way
        (False, 5, [3, 4, 5]),  # the oldest ones are forgotten
        (True, 5, [3, 4, 5]),
    ],
)
def test_the_latest_frames_are_kept(fill: bool, appended: int, expected: list[int]) -> None:
    memory = LabelMemory(4, fill=fill)
    memory.anchor(_frame(0))
    for number in range(1, appended + 1):
        memory.append(_frame(number))
    assert _numbers(memory.anchors) == [0]
    assert _numbers(memory.latest) == expected


def test_a_memory_of_one_frame_is_the_first() -> None:
    memory = LabelMemory(1)
    memory.anchor(_frame(0))
    memory.append(_frame(1))
    assert (_numbers(memory.anchors), memory.latest) == ([0], [])


def test_all_frames_are_revised_in_their_order() -> None:
    memory = LabelMemory(3)
    memory.anchor(_frame(7))
    for number in (8, 9):
        memory.append(_frame(number))
    memory.revise(lambda source: Source(source.features + 1, source.labels))
    assert (_numbers(memory.anchors), _numbers(memory.latest)) == ([8], [9, 10])
    memory.append(_frame(11))
    assert _numbers(memory.latest) == [10, 11]


def test_no_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="first frame"):
        LabelMemory(0)
