"""A preset is written, or only shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.params import preset
from tests.throughline.command import throughline


def test_show_prints_the_whole_file_and_writes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(preset, "write", lambda *_: pytest.fail("written"))
    assert throughline("preset", "smoke", "--show", "--data-root", "/mnt/sets") == 0
    assert capsys.readouterr().out == preset.text("smoke", data_root="/mnt/sets")


def test_a_preset_becomes_params(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    written: list[tuple[Path, str]] = []
    monkeypatch.setattr(preset, "write", lambda path, text: written.append((path, text)))
    assert throughline("preset", "pets") == 0
    assert written == [(preset.ROOT / "params.yaml", preset.text("pets"))]
    assert "is the whole of presets/pets.yaml" in capsys.readouterr().out
