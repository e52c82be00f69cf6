"""MLflow's server, as a user would start it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from tests.mlflow_server import answering, command, free_port
from tests.soak.commands import Commands, Running
from tests.soak.ground import Ground

START_SECONDS = 300.0
STOPPED_SECONDS = 5.0


class Server:
    """Started when it is first asked for.

    Args:
        commands: which start it.
        ground: whose folder keeps its data base.
    """

    def __init__(self, commands: Commands, ground: Ground) -> None:
        self._commands, self._folder = commands, ground.folder
        self._running: Running | None = None
        self._port = free_port()

    @property
    def pid(self) -> int:
        """Its process; 0: it does not run."""
        return 0 if self._running is None else self._running.process

    def up(self) -> str:
        """Start it, where it does not run; gives its address."""
        address = f"http://127.0.0.1:{self._port}"
        if self._running is None or self._running.poll() is not None:
            words = command(self._port, self._folder / "server.db", self._folder / "served")
            self._running = self._commands.program(words)
            answering(address, START_SECONDS, self._running.said)
        return address

    def strike(self, kind: str) -> None:
        """Kill it, or stop it for some seconds."""
        assert self._running is not None
        with suppress(ProcessLookupError):
            os.killpg(self._running.process, signal.Signals[kind])
            if kind == "SIGSTOP":
                time.sleep(STOPPED_SECONDS)
                os.killpg(self._running.process, signal.SIGCONT)

    def down(self) -> None:
        """End it."""
        if self._running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.process, signal.SIGKILL)
