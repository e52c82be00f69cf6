"""Processes that stay, on a real Ray: what is made once is made once, items overlap, mistakes and deaths are handled."""

from __future__ import annotations

import functools
import os
import threading
import time
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.runtime.actors import map_actors, room

LAG = 1.5  # seconds after which Ray has passed on what it has to say


@functools.lru_cache
def model() -> list[int]:
    return []


def labelled(number: int) -> tuple[int, int, int]:
    if number < 0:
        raise UserError(f"{number}: no such sequence")
    model().append(number)
    time.sleep(0.05)
    return number * number, os.getpid(), threading.active_count()


def dies_once(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).touch()
        os._exit(1)
    return mark


@functools.lru_cache
def meeting() -> threading.Barrier:
    return threading.Barrier(2)


def met(_: int) -> bool:
    meeting().wait(20)
    return True


@pytest.mark.usefixtures("ray_local")
def test_processes_stay_and_results_keep_the_order_of_items() -> None:
    found = map_actors(labelled, list(range(12)), label="squares", unit="numbers", num_cpus=1)
    assert [value for value, _, _ in found] == [number * number for number in range(12)]
    assert len({process for _, process, _ in found}) <= 2, "twelve items, two processes at most"
    assert map_actors(labelled, [], label="squares", unit="numbers") == []


@pytest.mark.usefixtures("ray_local")
def test_two_items_of_a_process_run_side_by_side() -> None:
    assert map_actors(met, [0, 1], label="meetings", unit="items", num_cpus=2) == [True, True]


@pytest.mark.usefixtures("ray_local")
def test_a_users_mistake_stops_the_others_unwrapped_and_nothing_is_said_to_be_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="-1: no such sequence"):
        map_actors(labelled, [1, -1, 2, 3], label="squares", unit="numbers")
    time.sleep(LAG)
    assert "retr" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("ray_local")
def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    mark = str(tmp_path / "died")
    assert map_actors(dies_once, [mark], label="deaths", unit="items") == [mark]


@pytest.mark.parametrize(
    ("resources", "num_gpus", "expected"),
    [
        ({"CPU": 2.0}, 0, 2),
        ({"CPU": 16.0, "GPU": 4.0}, 1.0, 4),
        ({"CPU": 16.0, "GPU": 4.0}, 0.5, 8),
        ({"CPU": 16.0, "GPU": 4.0}, 0.4, 8),  # two on each: what is left of four GPUs makes no further one
        ({"CPU": 4.0, "GPU": 4.0}, 0.25, 4),
        ({"CPU": 0.0}, 0, 1),
    ],
)
def test_there_are_as_many_as_fit(resources: dict[str, float], num_gpus: float, expected: int) -> None:
    assert room(resources, 1, num_gpus) == expected
