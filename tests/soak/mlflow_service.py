"""MLflow's server, as a user would start it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from urllib.request import urlopen

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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]

    @property
    def pid(self) -> int:
        """Its process; 0: it does not run."""
        return 0 if self._running is None else self._running.process

    def up(self) -> str:
        """Start it, where it does not run; gives its address."""
        address = f"http://127.0.0.1:{self._port}"
        if self._running is None or self._running.poll() is not None:
            words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
            words += ["--backend-store-uri", f"sqlite:///{self._folder}/server.db", "--artifacts-destination", str(self._folder / "served")]
            self._running = self._commands.program(words)
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    with urlopen(f"{address}/health", timeout=5):
                        break
                except OSError:
                    assert time.monotonic() < deadline, self._running.said()
                    time.sleep(0.5)
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
