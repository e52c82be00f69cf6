"""What a stage finds when it starts: its output whole, damaged, unfinished, or being made by another process."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import stages
from pipeline.artifacts import turn as turns
from pipeline.artifacts.manifest import read_manifest
from pipeline.artifacts.turn import turn
from pipeline.errors import UserError
from tests.shared import ROOT
from tests.stages.test_label_depth import RecordedRun

PARAMS = ROOT / "presets" / "walkers.yaml"


class Run(RecordedRun):
    """An MLflow run that takes parameters."""

    def params(self, values: dict[str, Any]) -> None:
        """Keep none."""


class Stage:
    """A stage of one part, which counts how often it worked."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.worked, self.fails = root, 0, False
        monkeypatch.setattr(stages, "started", lambda *_, **__: nullcontext(Run()))

    def __call__(self, context: Any) -> None:
        self.worked += 1
        publication = context.publication(context.data / "walkers")
        with publication.write("gt.txt") as path:
            path.write_text("truth" * 100)
        publication.publish()
        if self.fails:
            raise UserError("the registry is away")

    def run(self) -> None:
        stages.execute("render_walkers", self, PARAMS, self.root)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


def test_damage_is_mended_by_the_same_command(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run()
    stage.run()
    assert stage.worked == 1
    assert "nothing to do" in capsys.readouterr().out
    part, manifest = (stage.root / "data/walkers" / name for name in ("gt.txt", "manifest.json"))
    whole = part.read_bytes(), manifest.read_bytes()
    part.write_bytes(b"Truth" + whole[0][5:])
    stage.run()
    manifest.write_bytes(whole[1][:100])
    stage.run()
    assert stage.worked == 3
    assert (part.read_bytes(), manifest.read_bytes()) == whole


def test_a_damaged_input_is_named_before_work(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run()
    (stage.root / "data/walkers/gt.txt").write_text("other" * 100)
    with pytest.raises(SystemExit):
        stages.execute("extract_frames", lambda context: pytest.fail("work began"), PARAMS, stage.root)
    said = capsys.readouterr().err
    assert f"{stage.root}/data/walkers/gt.txt: missing or changed" in said
    assert "dvc repro --force --single-item render_walkers" in said


def test_what_was_published_and_not_finished_is_finished(stage: Stage) -> None:
    stage.fails = True
    with pytest.raises(SystemExit):
        stage.run()
    read_manifest(stage.root / "data/walkers")
    stage.fails = False
    stage.run()
    stage.run()
    assert stage.worked == 2


def test_a_second_process_waits_and_takes_the_result_over(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with turn("render_walkers", stage.root) as mine:
        mine.begin("f" * 64)
        second = threading.Thread(target=stage.run)
        second.start()
        second.join(0.6)
        assert second.is_alive()
        mine.end()
    second.join(20)
    assert stage.worked == 1
    assert "is making its output; waiting for it to end" in capsys.readouterr().err


def test_nobody_waits_for_a_stopped_process(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from pipeline.artifacts.turn import turn
with turn("track", Path({str(tmp_path)!r})) as mine:
    mine.begin("f")
    print("mine", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "mine\n"
            while not turns._is_stopped(holder.pid):
                pass
            with pytest.raises(UserError, match=f"process {holder.pid} makes its output and is stopped"), turn("track", tmp_path):
                pass
        finally:
            holder.kill()
    with turn("track", tmp_path) as mine:
        assert mine.unfinished == "f"
