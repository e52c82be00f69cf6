from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from pipeline.errors import UserError
from pipeline.params.sections.common import Cluster
from pipeline.runtime import cluster, process_tree
from tests.shared import ROOT


def square(number: int) -> int:
    if number < 0:
        raise UserError(f"{number}: negative numbers are not allowed")
    return number * number


def threads(_: int) -> str:
    return os.environ["OMP_NUM_THREADS"]


def test_results_keep_the_order_of_items(ray_local: None) -> None:
    assert cluster.map_tasks(square, list(range(9)), label="squares", unit="numbers") == [n * n for n in range(9)]
    assert cluster.map_tasks(square, [], label="squares", unit="numbers") == []


def test_connecting_leaves_the_handlers_of_signals_as_they_were(ray_local: None) -> None:
    assert "sigterm_handler" not in str(signal.getsignal(signal.SIGTERM))  # the name of Ray's


def test_a_users_mistake_crosses_the_cluster_unwrapped(ray_local: None) -> None:
    with pytest.raises(UserError, match="-1: negative numbers"):
        cluster.map_tasks(square, [1, -1, 2], label="squares", unit="numbers")


def test_after_failures_the_cluster_works_on_and_announces_no_repeat(ray_local: None, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        with pytest.raises(UserError, match="negative numbers"):
            cluster.map_tasks(square, [-1, -2, 3, -4, 5], label="squares", unit="numbers")
    assert cluster.map_tasks(square, [2], label="squares", unit="numbers") == [4]
    said = capfd.readouterr().err
    assert "retried" not in said
    assert "Unhandled" not in said


def test_workers_run_one_thread_each(ray_local: None) -> None:
    assert cluster.map_tasks(threads, [0], label="threads", unit="tasks") == ["1"]


def test_a_dead_head_is_named_and_auto_ignores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no Ray head answers at 127.0.0.1:9"):
        cluster._address(Cluster(address="127.0.0.1:9", num_cpus=1, object_store_mb=100))
    monkeypatch.setattr(cluster, "HEAD_FILE", tmp_path / "head.json")
    (tmp_path / "head.json").write_text(json.dumps({"address": "127.0.0.1:9"}))
    assert cluster._address(Cluster(address="auto", num_cpus=1, object_store_mb=100)) is None


def test_a_head_keeps_its_files_in_a_folder_of_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:  # short: sockets lie in it
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setattr(cluster, "HEAD_FILE", Path(folder) / "head.json")
        settings = Cluster(address="auto", num_cpus=1, object_store_mb=100)
        address = cluster.up(settings)
        try:
            named = (Path(folder) / f"ray-{os.getuid()}" / "ray_current_cluster").read_text()
            assert named.rpartition(":")[2] == address.rpartition(":")[2]
            assert cluster.up(settings) == address, "it answers"
            asked = f"from pipeline.runtime.probe import why_no_head; print(why_no_head({address!r}))"
            other = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64, "RAY_AUTH_TOKEN_PATH": ""}
            said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=other, capture_output=True, text=True, timeout=60)
            assert "takes another token" in said.stdout, said
            started = process_tree._at_port(address.rpartition(":")[2])
            below = [child for process in started for child in process.children(recursive=True)]
            assert len(started) > 1
            ours = {process.pid for process in [*started, *below]}
            listening = [each for each in psutil.net_connections("inet") if each.status == psutil.CONN_LISTEN and each.pid in ours]
            assert {each.laddr.ip.removeprefix("::ffff:") for each in listening} == {"127.0.0.1"}, "nobody else's machine reaches them"
        finally:
            began = time.monotonic()
            cluster.down()
        assert time.monotonic() - began < 10
        assert not [process for process in [*started, *below] if process.is_running() and process.status() != "zombie"]
        assert cluster._address(settings) is None
