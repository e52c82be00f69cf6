"""`--help` of whatever is run as a module only prints; `tests/throughline/test_main.py` has the verbs."""

from __future__ import annotations

import runpy
import sys

import pytest

import stages
from pipeline.params.sections import STAGES

OTHERS = ("benchmarks", "benchmarks.structure", "benchmarks.gpu.on_paper", "benchmarks.gpu.scaling")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("module", [*(f"stages.{stage}" for stage in STAGES), *OTHERS])
def test_help_does_nothing_else(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    monkeypatch.setattr(stages, "execute", lambda *_, **__: pytest.fail("it worked"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert f"usage: python -m {module}" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_help_of_the_gpu_command_does_nothing_else(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gpu", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "usage: python -m benchmarks gpu" in capsys.readouterr().out
