"""Stages without a cluster: tasks run one after the other in the test's own process, where they can be counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import pytest


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels of the progress bars, one for each task that ran."""
    ran: list[str] = []

    def map_tasks(function: Callable[[Any], Any], items: Sequence[Any], *, label: str, **_: Any) -> list[Any]:
        ran.extend([label] * len(items))
        return [function(item) for item in items]

    monkeypatch.setattr("pipeline.runtime.cluster.map_tasks", map_tasks)
    monkeypatch.setattr("pipeline.runtime.cluster.attached", lambda cluster: nullcontext())
    monkeypatch.setattr("pipeline.runtime.cluster.gpus", lambda: 0)
    return ran
