from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from pipeline.errors import UserError
from pipeline.scoring.spread import in_processes


def squared(number: int) -> tuple[int, int]:
    if number < 0:
        raise UserError(f"{number}: negative")
    return number * number, os.getpid()


@pytest.fixture
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # other tests leave threads behind
    handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # and a stage's handler, which a pool's processes would inherit
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("two_cpus")
def test_results_keep_their_order_and_come_from_other_processes() -> None:
    found = in_processes(squared, [3, 1, 2], size=float)
    assert [value for value, _ in found] == [9, 1, 4]
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.usefixtures("two_cpus")
def test_a_users_mistake_comes_back() -> None:
    with pytest.raises(UserError, match="-1: negative"):
        in_processes(squared, [1, -1], size=float)


def test_beside_threads_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert {process for _, process in in_processes(squared, [1, 2], size=float)} == {os.getpid()}
