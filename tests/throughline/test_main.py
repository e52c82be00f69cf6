"""Every verb's help prints at once and does nothing else; a user's mistake is one message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from pipeline.errors import UserError
from tests.shared import ROOT
from tests.throughline.command import throughline
from throughline.main import app, check_clone

SPY = """
import atexit, sys
from throughline.main import main
HEAVY = ("cv2", "mlflow", "models", "numpy", "pyarrow", "ray", "rich", "stages", "torch", "yaml")
atexit.register(lambda: print([name for name in HEAVY if name in sys.modules]))
main(sys.argv[1:])
"""


def commands() -> Iterator[tuple[str, ...]]:
    """Every command line that ends in a verb, groups' own included."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        yield (name,)
        yield from ((name, inner) for inner in getattr(command, "commands", {}))


def test_help_imports_nothing_that_takes_long_and_lists_every_verb(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SPY, "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(f"  {words[0]} " in done.stdout for words in commands())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_of_a_verb_only_prints(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert throughline(*words, "--help") == 0
    assert capsys.readouterr().out.startswith(f"Usage: throughline {' '.join(words)} [OPTIONS]")
    assert not list(tmp_path.iterdir())


def test_every_verb_has_a_file_of_its_own() -> None:
    verbs = {path.stem for path in (ROOT / "throughline" / "verbs").glob("*.py")} - {"__init__"}
    assert {words[0].replace("-", "_") for words in commands()} == verbs


def test_mistakes_end_with_status_2_and_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert throughline("trakc") == 2
    assert "No such command 'trakc'" in capsys.readouterr().err
    assert throughline("preset", "dogs") == 2
    assert capsys.readouterr().err.startswith("error: presets/dogs.yaml: no such preset; there are: ablations, ")


def test_a_clone_is_not_served_by_the_command_of_another(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name / "throughline").mkdir(parents=True)
        (tmp_path / name / "throughline" / "main.py").touch()
        (tmp_path / name / "dvc.yaml").touch()
    check_clone(tmp_path / "first" / "throughline", tmp_path / "first")
    check_clone(tmp_path, tmp_path / "first")
    check_clone(tmp_path / "first", tmp_path / "site-packages")
    with pytest.raises(UserError, match="second: this `throughline` belongs to .*first and would read and write there"):
        check_clone(tmp_path / "second" / "throughline", tmp_path / "first")


def test_shells_complete_verbs_and_names() -> None:
    def completed(words: str) -> list[str]:
        variables = {
            "PYTHONPATH": str(ROOT),
            "_THROUGHLINE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        done = subprocess.run([sys.executable, "-m", "throughline"], env=os.environ | variables, capture_output=True, text=True)
        return done.stdout.split()

    assert completed("throughline ta") == ["tables"]
    assert "MOT17" in completed("throughline fetch MOT1")
