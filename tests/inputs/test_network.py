"""Fetching without a network says so within five seconds."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UserError
from pipeline.fetch import download as module
from pipeline.fetch.download import File, download


def refused_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port: int = server.getsockname()[1]
    return port


def hanging(*_: Any, **__: Any) -> Any:
    time.sleep(2)
    raise TimeoutError


@pytest.mark.parametrize("kind", ["unknown name", "refused", "hanging", "proxy"])
def test_no_network_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = f"http://127.0.0.1:{refused_port()}/set.zip" if kind in ("refused", "hanging") else "http://nowhere.invalid/set.zip"
    if kind == "hanging":
        monkeypatch.setattr(socket, "create_connection", hanging)
        monkeypatch.setattr(module, "CONNECT", 0.3)
    if kind == "proxy":
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port()}")
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"set\.zip: there is no connection to .*\nnext: check the network"):
        download(File(url), tmp_path / "set.zip")
    assert time.monotonic() - begun < 5
    assert module.CONNECT < 5
