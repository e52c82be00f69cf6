"""MLflow's server as a user would start it: the command, and the wait until it answers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(port: int, database: Path, artifacts: Path) -> list[str]:
    """The words that start a server with one worker."""
    words = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [*words, "--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(artifacts)]


def answering(address: str, seconds: float, said: Callable[[], str]) -> None:
    """Wait until the server at an address answers; after so many seconds an assertion fails with what `said` gives."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, said()
            time.sleep(0.5)
