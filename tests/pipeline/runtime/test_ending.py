"""Signals end a whole tree of processes within seconds, and a stage ends with the DVC that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.shared import ROOT

STAGE = """
import sys, time
from pathlib import Path
from pipeline.runtime.ending import end_on_signals
end_on_signals("track")
try:
    Path(sys.argv[1]).write_text("begun")
    time.sleep(60)
finally:
    Path(sys.argv[1]).write_text("closed")
"""
ON_RAY = """
import sys, time
from pathlib import Path
from pipeline.params.sections.common import Cluster
from pipeline.runtime.cluster import attached
from pipeline.runtime.ending import end_on_signals
end_on_signals("track")
with attached(Cluster(address="local", num_cpus=1, object_store_mb=100)):
    Path(sys.argv[1]).write_text("begun")
    time.sleep(60)
"""
SUPERVISED = """
import os, sys
from pathlib import Path
from pipeline.runtime.ending import supervised
sys.exit(supervised(["sh", "-c", {}, *sys.argv[1:]], Path("."), os.environ))
"""
DEAF = "\"setsid sleep 61 & trap '' TERM; echo $! $$ > $0; sleep 62; sleep 62\""


def start(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A process that takes SIGHUP as one does that was started from a terminal, even where these tests run under nohup."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def wait_for(path: Path, text: str = "", seconds: float = 20) -> str:
    deadline = time.monotonic() + seconds
    while not (path.is_file() and (found := path.read_text()) and text in found):
        assert time.monotonic() < deadline, f"{path} never said {text!r}"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_closes_what_is_open_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    with start(STAGE, str(tmp_path / "state")) as stage:
        wait_for(tmp_path / "state", "begun")
        stage.send_signal(number)
        said = stage.communicate(timeout=10)[1]
    assert stage.returncode == 128 + number
    assert said == f"track: ended by {number.name}; finished parts are kept\nnext: run the same command again\n"
    assert (tmp_path / "state").read_text() == "closed"


@pytest.mark.slow
def test_a_stage_that_works_on_ray_ends_with_the_same_words(tmp_path: Path) -> None:
    with start(ON_RAY, str(tmp_path / "state")) as stage:
        wait_for(tmp_path / "state", "begun", seconds=120)
        stage.send_signal(signal.SIGTERM)
        said = stage.communicate(timeout=30)[1]
    assert stage.returncode == 128 + signal.SIGTERM
    assert "track: ended by SIGTERM; finished parts are kept\nnext: run the same command again\n" in said
    assert "***" not in said, said  # of the stack that Ray's own handler writes


def test_a_stage_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    with start(ignoring, "-c", STAGE, str(tmp_path / "state")) as stage:
        wait_for(tmp_path / "state", "begun")
        stage.send_signal(signal.SIGHUP)
        stage.send_signal(signal.SIGTERM)
        assert stage.communicate(timeout=10)[1].startswith("track: ended by SIGTERM")


def test_a_stage_ends_with_the_dvc_that_started_it_through_a_shell(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE)
    command = f"{sys.executable} {tmp_path}/stage.py {tmp_path}/state; true"  # a shell that stays between
    dvc = f"import subprocess; subprocess.run(['sh', '-c', {command!r}])"
    with start(dvc, DVC_STAGE="track", PYTHONPATH=str(ROOT)) as process:
        wait_for(tmp_path / "state", "begun")
        process.kill()
        wait_for(tmp_path / "state", "closed", seconds=10)


def test_the_group_of_a_supervised_command_ends_whole_even_what_ignores_the_signal(tmp_path: Path) -> None:
    with start(SUPERVISED.format(DEAF), str(tmp_path / "pids")) as supervisor:
        below = wait_for(tmp_path / "pids", "\n").split()
        began = time.monotonic()
        supervisor.send_signal(signal.SIGTERM)
        supervisor.communicate(timeout=10)
    assert supervisor.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
    assert not [process for process in below if _lives(process)]


def _lives(process: str) -> bool:
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_supervised_command_gives_its_status() -> None:
    with start(SUPERVISED.format('"exit 3"')) as supervisor:
        supervisor.communicate(timeout=20)
    assert supervisor.returncode == 3
