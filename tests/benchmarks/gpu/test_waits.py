"""A training step lets the device work on: what would make the host wait is found, and the first preset's step has none of it."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu.cases import cases
from benchmarks.gpu.waits import waits, watched

VALUES = torch.tensor([3.0, 1.0, 2.0])
WAITING = {
    "a number is read": lambda: float(VALUES[0]),
    "a number decides": lambda: bool(VALUES[0] > 2),
    "a shape depends on values": lambda: torch.nonzero(VALUES > 2),
    "a mask is an index": lambda: VALUES[VALUES > 2],
    "values go to the host": lambda: VALUES.numpy(),
}
GOING_ON = {
    "a mask decides element by element": lambda: torch.where(VALUES > 2, VALUES, 0),
    "numbers are an index": lambda: VALUES[torch.tensor([0, 2])],
    "values are sorted": lambda: VALUES.sort(),
}


@pytest.mark.parametrize("what", WAITING)
def test_what_waits_is_told_with_its_line(what: str) -> None:
    with watched() as lines:
        WAITING[what]()
    assert sum(lines.values()) == 1
    assert next(iter(lines)).startswith("test_waits.py:")


@pytest.mark.parametrize("what", GOING_ON)
def test_what_goes_on_is_not_told(what: str) -> None:
    with watched() as lines:
        GOING_ON[what]()
    assert not lines


def test_a_step_of_the_first_preset_waits_nowhere() -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")  # CUDA's own debug mode, where there is one
    assert waits(cases(tiny=True)[0], device)["lines"] == {}
