"""Commands under way: forks of the warm process and programs of their own, each with its log, its end and what it leaves."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.soak.ground import MARK, Ground

HANG_SECONDS = 60.0  # on a machine with a processor for each process that wants one
POLL_SECONDS = 0.05
HUNG = -1000  # status of a command that did not end in time
# Root may read everything; without these a file's permissions count.
PLAIN_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")


@dataclass
class End:
    """How a command ended.

    Attributes:
        status: its exit status, negative where a signal ended it.
        said: what it wrote.
    """

    status: int
    said: str


@dataclass
class Running:
    """A command under way.

    Attributes:
        process: its number.
        poll: its exit status; None while it runs.
        log: file that it writes to.
        begun: by the monotonic clock.
    """

    process: int
    poll: Callable[[], int | None]
    log: Path
    begun: float

    def end(self, usual: float) -> End:
        """Wait for its end; one that takes a minute longer than usual on this machine is killed and counts as hung.

        Args:
            usual: seconds that it takes undisturbed.
        """
        while (status := self.poll()) is None:
            if time.monotonic() - self.begun > usual * 2 + HANG_SECONDS * busy():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process, 9)
                return End(HUNG, self.said())
            time.sleep(POLL_SECONDS)
        return End(status, self.said())

    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace") if self.log.is_file() else ""


def busy() -> float:
    """How many processes want each processor of this machine, at least one."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Commands:
    """Starts commands in a clone, one warm process behind them.

    Args:
        ground: with the clone.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground, self._numbers = ground, itertools.count()
        self._pids: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        (ground.folder / "logs").mkdir(exist_ok=True)
        command = [*PLAIN_USER, sys.executable, "-m", "tests.soak.warm"]
        pipes: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._warm = subprocess.Popen(command, cwd=ground.clone, env=ground.environment, text=True, bufsize=1, **pipes)
        assert self._warm.stdout.readline() == "ready\n"
        threading.Thread(target=self._listen, daemon=True).start()

    def stage(self, stage: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Running:
        """Start `python -m stages.<stage>`, in a fork of the warm process."""
        number, log = self._next()
        asked = {"number": number, "stage": stage, "arguments": arguments, "log": str(log), "environment": dict(environment or {})}
        self._warm.stdin.write(json.dumps(asked) + "\n")
        while number not in self._pids:
            assert self._warm.poll() is None, "the warm process is gone"
            time.sleep(POLL_SECONDS)
        return Running(self._pids[number], lambda: self._ended.get(number), log, time.monotonic())

    def program(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> Running:
        """Start a program of its own."""
        _, log = self._next()
        own = self._ground.environment | dict(environment or {})
        with log.open("w") as file:
            process = subprocess.Popen(
                [*PLAIN_USER, *words],
                cwd=self._ground.clone,
                env=own,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        return Running(process.pid, process.poll, log, time.monotonic())

    def close(self) -> None:
        """End the warm process."""
        self._warm.stdin.close()
        self._warm.wait(30)

    def left(self, allowed: set[int]) -> list[psutil.Process]:
        """Processes of the soak that nothing accounts for.

        Args:
            allowed: those that may go on, with all below them.
        """
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                above = {process.pid, *(parent.pid for parent in process.parents())}
                ours = process.environ().get(MARK) == str(self._ground.folder) and process.status() != psutil.STATUS_ZOMBIE
                if ours and not above & allowed and process.pid != self._warm.pid and process.pid != os.getpid():
                    found.append(process)
        return found

    def _next(self) -> tuple[int, Path]:
        number = next(self._numbers)
        return number, self._ground.folder / "logs" / f"{os.getpid()}-{number}.log"

    def _listen(self) -> None:
        for line in self._warm.stdout:
            word, number, value = line.split()
            (self._pids if word == "started" else self._ended)[int(number)] = int(value)


class Head:
    """The Ray head that stages attach to.

    Args:
        commands: which start it.
        ground: whose clone it belongs to.
    """

    def __init__(self, commands: Commands, ground: Ground) -> None:
        self._commands, self._ground = commands, ground
        self.processes: dict[str, psutil.Process] = {}

    def up(self) -> None:
        """Start it, where it does not run whole."""
        if {"raylet", "gcs_server"} <= {name for name, process in self.processes.items() if process.is_running()}:
            return
        self.down()
        end = self._commands.program(["throughline", "cluster", "up"]).end(300)
        assert end.status == 0, end.said
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() in ("raylet", "gcs_server") and process.environ().get(MARK) == str(self._ground.folder):
                    self.processes[process.name()] = process

    def down(self) -> None:
        """Stop it as a user would."""
        if (self._ground.clone / ".throughline/ray-head.json").is_file():
            self._commands.program(["throughline", "cluster", "down"]).end(120)
        self.processes = {}

    def workers(self) -> list[psutil.Process]:
        """Ray's processes that work."""
        raylet = self.processes.get("raylet")
        with contextlib.suppress(psutil.Error):
            below = raylet.children(recursive=True) if raylet is not None else []
            return [
                each
                for each in below
                if (line := " ".join(each.cmdline())).startswith("ray::") and "IDLE" not in line and "Agent" not in line
            ]
        return []

    def family(self) -> set[int]:
        """All of the head's processes that may go on."""
        found: set[int] = set()
        port = (
            (self._ground.clone / ".throughline/ray-head.json").read_text().rpartition(":")[2].rstrip('"} \n') if self.processes else "none"
        )
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if f":{port}" in (line := " ".join(process.cmdline())) or f"port={port}" in line:
                    found.add(process.pid)
        return found
