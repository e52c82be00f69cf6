"""The processes of a Ray head, and their end in an order that leaves none behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TERM_SECONDS, KILL_SECONDS = 2.0, 1.0
_NODE_MANAGER = "raylet"


def stop_head(port: str, token: Path) -> None:
    """End the head at a port with all that it started; gone within some five seconds.

    The node manager (raylet) goes first and takes workers and agents along: an agent that loses the head before its node manager looks for
    it for minutes. Agents whose node manager was killed before are known by the token that they were given.

    Args:
        port: of the head.
        token: the repository's token file.
    """
    heads = _at_port(port)
    managers = [process for process in heads if _NODE_MANAGER in _name(process)]
    below = [child for process in managers for child in _children(process)]
    _end(managers)
    _end(below, seconds=KILL_SECONDS)
    _end([process for process in heads if process not in managers])
    _end(_orphans(token), seconds=KILL_SECONDS)


def _end(processes: Sequence[Any], seconds: float = TERM_SECONDS) -> None:
    """Ask processes to end, wait for them, and kill what is left."""
    import psutil

    for process in processes:
        _quietly(process.terminate)
    _, alive = psutil.wait_procs(processes, seconds)
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, KILL_SECONDS)


def _at_port(port: str) -> list[Any]:
    """Processes of the head at `port` and of no other Ray: each names the port on its command line."""
    import psutil

    marks = (f"--gcs_server_port={port}", f":{port}", f"--gcs-port={port}")
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "ray" in line and any(mark in line for mark in marks) and process.pid != os.getpid():
            found.append(process)
    return found


def _orphans(token: Path) -> list[Any]:
    """Ray's processes that nobody's child any more was given this token for; they write another name over their command line."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        line = " ".join(process.info["cmdline"] or [])
        if line.startswith("ray::") and process.info["ppid"] == 1 and _environment(process).get("RAY_AUTH_TOKEN_PATH") == str(token):
            found.append(process)
    return found


def _environment(process: Any) -> dict[str, str]:
    import psutil

    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def _children(process: Any) -> list[Any]:
    import psutil

    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _name(process: Any) -> str:
    import psutil

    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _quietly(call: Any) -> None:
    import psutil

    try:
        call()
    except psutil.Error:  # gone already
        return
