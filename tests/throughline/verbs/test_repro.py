"""`throughline repro`: a head before, DVC in an environment of its own, and the head's end whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime import cluster, ending
from tests.shared import ROOT
from tests.throughline.command import throughline
from throughline.verbs import repro


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What was done, in order; signals are this process's again afterwards."""
    done: list[Any] = []
    (tmp_path / "presets").mkdir()
    (tmp_path / "params.yaml").write_text((ROOT / "presets/walkers.yaml").read_text())
    monkeypatch.setattr(repro, "PARAMS", tmp_path / "params.yaml")
    monkeypatch.setattr(cluster, "up", lambda settings: done.append("up") or "here")
    monkeypatch.setattr(cluster, "down", lambda: done.append("down"))
    monkeypatch.setattr(ending, "supervised", lambda *arguments: done.append(arguments) or 3)
    before = {each: signal.getsignal(each) for each in ending.SIGNALS}
    yield done
    for each, handler in before.items():
        signal.signal(each, handler)


def test_dvc_runs_between_the_heads_start_and_end(called: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    assert throughline("repro") == 3
    assert (called[0], called[2]) == ("up", "down")
    command, folder, environment = called[1]
    assert (Path(command[0]).name, command[1:], folder) == ("dvc", ["repro"], tmp_path)
    index = Path(environment["DVC_SITE_CACHE_DIR"])
    assert index == tmp_path / ".dvc/tmp/site-cache"
    assert index.stat().st_mode & 0o777 == 0o700


def test_a_signal_while_the_head_starts_stops_it(called: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "up", lambda settings: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr(ending, "UNWIND_SECONDS", 600.0)
    assert throughline("repro") == 128 + signal.SIGTERM
    assert called == ["down"]


def test_a_preset_is_written_first(called: list[Any], tmp_path: Path) -> None:
    assert throughline("repro", "--preset", "nothing") == 2
    assert called == []
    (tmp_path / "presets/walkers.yaml").write_text((ROOT / "presets/walkers.yaml").read_text())
    assert throughline("repro", "--preset", "walkers") == 3
