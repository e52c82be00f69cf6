"""The whole pipeline on two machines that share nothing but an object store and MLflow's server.

Both are Ray nodes here. The second lives in a mount namespace where an empty folder hides the repository, so that what it needs of the code
must come through Ray. Each has one CPU: the two workers of a training are on different nodes.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mlflow_server import answering, command, free_port
from tests.s3 import BUCKET, s3_server
from tests.system.test_survival import clone, environment

HIDDEN = 'mount -t tmpfs none "$1" && cd / && exec "$2" start --address="$3" --num-cpus=1 --object-store-memory=100000000 --block'
SECONDS = 90  # for a server or a node to answer


@contextlib.contextmanager
def running(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process with all that it starts, for the block."""
    with (folder / "servers.log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait(30)


def nodes(folder: Path, address: str, environment: dict[str, str]) -> int:
    """How many nodes the head at an address knows."""
    code = f"import ray; ray.init({address!r}, logging_level='error'); print('nodes', sum(n['Alive'] for n in ray.nodes()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)
    found = re.search(r"nodes (\d+)", done.stdout)
    return int(found[1]) if found else 0


@contextlib.contextmanager
def two_nodes(repository: Path, environment: dict[str, str]) -> Iterator[str]:
    """A cluster whose second node does not see the repository; yields the address of its head."""
    ray, port = str(Path(sys.executable).with_name("ray")), free_port()
    folder = repository.with_name("cluster")
    folder.mkdir()
    with_token = environment | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64, "PYTHONPATH": ""}
    address = f"127.0.0.1:{port}"
    head = [ray, "start", "--head", f"--port={port}", "--num-cpus=1", "--object-store-memory=100000000", "--include-dashboard=false"]
    head += ["--node-ip-address=127.0.0.1", "--disable-usage-stats", "--block"]
    with running(head, folder, with_token):
        deadline = time.monotonic() + SECONDS
        while nodes(folder, address, with_token) < 1:
            assert time.monotonic() < deadline, (folder / "servers.log").read_text()
        with running(["unshare", "-m", "sh", "-c", HIDDEN, "sh", str(repository), ray, address], folder, with_token):
            while nodes(folder, address, with_token) < 2:
                assert time.monotonic() < deadline, (folder / "servers.log").read_text()
            yield address


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="mount namespaces need root and util-linux's unshare")
def test_the_pipeline_runs_on_two_nodes_that_share_a_store_and_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(tmp_path / "clone", 1)
    params, port = folder / "params.yaml", free_port()
    server, mlflow = f"http://127.0.0.1:{port}", command(port, tmp_path / "server.db", tmp_path / "kept")
    with s3_server() as s3:
        for key, value in s3.items():
            monkeypatch.setenv(key, value)
        shared = environment(folder)
        with two_nodes(folder, shared) as address, running(mlflow, tmp_path, shared):
            text = params.read_text().replace("  address: auto ", f"  address: {address} ")
            params.write_text(text)
            token = shared | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}

            def repro() -> subprocess.CompletedProcess[str]:
                return subprocess.run(["dvc", "repro"], cwd=folder, env=token, capture_output=True, text=True, timeout=1200)

            refused = repro()
            assert refused.returncode != 0
            assert f"base.store: . is a folder of this machine, and cluster.address {address} has 2" in refused.stderr

            text = text.replace("  store: . ", f"  store: s3://{BUCKET}/run ")
            params.write_text(text)
            refused = repro()
            assert f"mlflow.tracking_uri: sqlite:///{folder}/mlflow.db is a file of this machine" in refused.stderr

            params.write_text(text.replace("tracking_uri: sqlite:///mlflow.db", f"tracking_uri: {server}"))
            answering(server, SECONDS, lambda: "MLflow's server does not answer")
            done = repro()
            assert done.returncode == 0, done.stdout + done.stderr
            assert "2 machine(s) of" in done.stdout
            assert "code for the cluster's machines: " in done.stdout
            for stage in ("pretrain", "finetune"):
                assert re.search(rf"{stage}: epoch 1/1", done.stdout + done.stderr), "trained on both nodes: each has one CPU"
            assert (folder / "artifacts/evaluate/metrics.json").is_file()
            assert not (folder / "mlflow.db").exists()
            from mlflow import MlflowClient

            assert MlflowClient(server).search_registered_models()[0].name == "outrack"
