"""The status of a head that is not there, or not any more."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.throughline.command import throughline


def test_status_tells_a_head_that_answers_from_one_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "ray-head.json"
    monkeypatch.setattr("pipeline.runtime.cluster.HEAD_FILE", known)
    assert throughline("cluster", "status") == 1
    assert "no Ray head answers; `throughline cluster up` starts one" in capsys.readouterr().out
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        known.write_text(json.dumps({"address": address}))
        assert throughline("cluster", "status") == 0
        assert capsys.readouterr().out == f"Ray head at {address}\n"
    assert throughline("cluster", "status") == 1
