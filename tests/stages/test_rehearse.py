"""Installing rehearses the system that the parameter file names, with its own options."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.outrack.options import OutrackOptions
from pipeline.feeding import augment
from stages import rehearse
from tests.shared import ROOT


def test_augmentation_and_what_the_parameter_file_names_are_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsed: list[tuple[str, str, Any]] = []

    def fake(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            association=SimpleNamespace(warm_up=lambda options: rehearsed.append((name, "tracker", options))),
            training=SimpleNamespace(warm_up=lambda options: rehearsed.append((name, "losses", options))),
        )

    monkeypatch.setattr(rehearse, "load", fake)
    monkeypatch.setattr(augment, "rehearse", lambda: rehearsed.append(("any", "augmentation", None)))
    rehearse.main()
    assert [(name, part) for name, part, _ in rehearsed] == [("outrack", "tracker"), ("outrack", "losses"), ("any", "augmentation")]
    assert all(isinstance(options, OutrackOptions) for name, _, options in rehearsed if name == "outrack")


def test_a_broken_parameter_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text().replace("  top_k:", "  top_q:"))
    monkeypatch.setattr(rehearse, "ROOT", tmp_path)
    with pytest.raises(SystemExit):
        rehearse.main()
    assert "model.tracker.top_q" in capsys.readouterr().err
