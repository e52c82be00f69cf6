"""The registry's verbs against a real sqlite store."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.registry.runs import StageRun
from tests.pipeline.registry.test_registry import folder, four, network, run
from tests.throughline.command import throughline

__all__ = ["folder", "four", "network", "run"]


def test_commands(four: str, run: StageRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ("--tracking-uri", run.tracking_uri)
    assert throughline("registry", "promote", f"{four}/2", *store) == 0
    assert throughline("registry", "list", *store) == 0
    assert "four/2 (champion)" in capsys.readouterr().out
    assert throughline("registry", "show", "four@champion", *store) == 0
    assert "throughline.params_hash: abc" in capsys.readouterr().out
    assert throughline("registry", "fetch", "four@champion", "--out", str(tmp_path / "model"), *store) == 0
    assert (tmp_path / "model" / "weights.safetensors").is_file()
    assert throughline("registry", "show", "four@nobody", *store) == 2
    assert "not in the registry" in capsys.readouterr().err
