"""A stage runs from anywhere: what the system does not know is named, and nothing waits long for what is not there."""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import ConnectionLost, UserError
from pipeline.numerics import jit
from pipeline.runtime import cluster, surroundings


def test_a_user_that_the_system_does_not_know_has_a_home_in_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError):
        Path.home()
    surroundings.settle(tmp_path)
    assert Path.home() == tmp_path / ".throughline" / "home"
    assert os.environ["USER"] == f"uid{os.getuid()}"
    monkeypatch.setenv("HOME", "/mine")
    surroundings.settle(tmp_path)
    assert os.environ["HOME"] == "/mine"


def test_python_without_docstrings_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "flags", SimpleNamespace(optimize=2))
    with pytest.raises(UserError, match="PYTHONOPTIMIZE=2"):
        surroundings.settle(tmp_path)


def test_a_server_that_is_down_is_named_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionLost, match=r"mlflow.tracking_uri: nothing answers at http://127\.0\.0\.1:9 "):
        surroundings.require_server("http://user:secret@127.0.0.1:9/x", "mlflow.tracking_uri")
    assert time.monotonic() - began < 6
    for other in ("sqlite:///mlflow.db", "databricks", "file:///x"):
        surroundings.require_server(other, "mlflow.tracking_uri")


def test_ray_keeps_its_sockets_where_their_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("x" * 100)))
    assert cluster.temporary_folder() == f"/tmp/ray-{os.getuid()}"


def test_rays_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        found = Path(cluster.temporary_folder())
        assert found.stat().st_mode & 0o777 == 0o700
        monkeypatch.setattr(os, "getuid", lambda: 4242)
        with pytest.raises(UserError, match="belongs to another user"):
            cluster.temporary_folder()


def test_machine_code_of_code_that_cannot_be_written_lies_in_a_folder_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    kernels = Path(jit.__file__).parent / "kernels"
    folder = jit._folder.__wrapped__(kernels)
    assert folder.parent == tmp_path / f"throughline-code-{os.getuid()}"
    folder.parent.chmod(0o777)  # anybody could put code there
    assert jit._folder.__wrapped__(kernels).parent != folder.parent
