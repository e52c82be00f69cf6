"""The status of a head that is not there, or not any more."""

from __future__ import annotations

import json
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
    known.write_text(json.dumps({"address": "127.0.0.1:9"}))
    assert throughline("cluster", "status") == 1
    captured = capsys.readouterr()
    assert "the head remembered at 127.0.0.1:9 cannot be used: nothing answers there" in captured.err
    assert "no Ray head answers" in captured.out
    monkeypatch.setattr("pipeline.runtime.cluster.why_no_head", lambda address: None)
    assert throughline("cluster", "status") == 0
    assert capsys.readouterr().out == "Ray head at 127.0.0.1:9\n"
