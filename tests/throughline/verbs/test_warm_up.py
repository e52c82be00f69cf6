"""Installing compiles what the system that the parameter file names runs, with its own options."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.outrack.options import OutrackOptions
from pipeline.feeding import augment
from tests.shared import ROOT
from tests.throughline.command import throughline


def test_augmentation_and_what_the_parameter_file_names_are_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[tuple[str, str, Any]] = []

    def fake(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            association=SimpleNamespace(warm_up=lambda options: warmed.append((name, "tracker", options))),
            training=SimpleNamespace(warm_up=lambda options: warmed.append((name, "losses", options))),
        )

    monkeypatch.setattr("models.load", fake)
    monkeypatch.setattr(augment, "warm_up", lambda: warmed.append(("any", "augmentation", None)))
    assert throughline("warm-up") == 0
    assert [(name, part) for name, part, _ in warmed] == [("outrack", "tracker"), ("outrack", "losses"), ("any", "augmentation")]
    assert all(isinstance(options, OutrackOptions) for name, _, options in warmed if name == "outrack")


def test_a_broken_parameter_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("  top_k:", "  top_q:"))
    assert throughline("warm-up", "--params", str(path)) == 2
    assert "model.tracker.top_q" in capsys.readouterr().err
