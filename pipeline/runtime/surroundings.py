"""Settings that libraries read from the user's environment, supplied where they are missing, so that a stage runs from anywhere."""

from __future__ import annotations

import os
import pwd
import socket
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from pipeline.errors import ConnectionLost, UserError

CONNECT_SECONDS = 5.0
# MLflow's client asks five times, two minutes each, and waits between.
HTTP_LIMITS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_HOME = Path(".throughline") / "home"


def settle(root: Path) -> None:
    """Name a home and a user where the system knows none, and limit how long a library waits; what the user set stays.

    Args:
        root: the repository, whose .throughline serves as home where it can be written.

    Raises:
        UserError: Python runs without docstrings, which Ray needs.
    """
    if sys.flags.optimize > 1:
        raise UserError("PYTHONOPTIMIZE=2 (python -OO) removes the docstrings that Ray is started by\nnext: unset it, or set it to 1")
    for name, value in HTTP_LIMITS.items():
        os.environ.setdefault(name, value)
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:  # a container's arbitrary user
        for name in ("USER", "LOGNAME"):
            os.environ.setdefault(name, f"uid{os.getuid()}")
        if not os.environ.get("HOME"):
            os.environ["HOME"] = str(_home(root))


def _home(root: Path) -> Path:
    home = root / _HOME
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="throughline-home-"))
    return home


def require_server(uri: str, key: str) -> None:
    """See that a server's port accepts connections, before a library tries for minutes; other addresses pass.

    Args:
        uri: http:// or https:// address, or another one.
        key: the parameter that names it.

    Raises:
        ConnectionLost: nothing answers there.
    """
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname):
        return
    try:
        socket.create_connection((parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]), CONNECT_SECONDS).close()
    except OSError as error:
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        raise ConnectionLost(
            f"{key}: nothing answers at {where} ({error})\nnext: start the server or correct {key}, and run again"
        ) from None
