"""Elastic training on two Ray nodes: one leaves in the middle and comes back, and the run goes on with the same global batch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.sections.common import Cluster
from pipeline.params.sections.training import Elastic
from tests.pipeline.tiny import write_samples
from tests.pipeline.training import test_fit
from tests.shared import ROOT
from tests.system.test_two_nodes import free_port, nodes, running

EPOCHS = 2000  # of a second each; the test ends the run when it has seen enough
RAY = str(Path(sys.executable).with_name("ray"))


@contextmanager
def node(address: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A second node with one CPU, killed with all its processes at the end of the block."""
    command = [RAY, "start", f"--address={address}", "--num-cpus=1", "--object-store-memory=100000000", "--block"]
    before = nodes(folder, address, environment)
    with running(command, folder, environment):
        deadline = time.monotonic() + 90
        while nodes(folder, address, environment) <= before:
            assert time.monotonic() < deadline, (folder / "servers.log").read_text()
        yield


class Driver:
    """The training as a process, whose lines are read as they come."""

    def __init__(self, folder: Path, samples: Path, address: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.pipeline.training.test_elastic", str(folder), str(samples), address]
        self.log = folder / "driver.log"
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log.open("w"), stderr=subprocess.STDOUT)

    def wait_for(self, pattern: str, times: int = 1, seconds: float = 120) -> float:
        """Seconds until a line like this was said so often."""
        began = time.monotonic()
        while len(re.findall(pattern, self.log.read_text())) < times:
            assert self.process.poll() in (None, 0), self.log.read_text()
            assert time.monotonic() - began < seconds, f"never said {pattern}:\n{self.log.read_text()}"
            time.sleep(0.1)
        return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_that_leaves_and_returns_ends_nothing(tmp_path: Path) -> None:
    samples, address = write_samples(tmp_path / "samples", sequences=6, frames=40), f"127.0.0.1:{free_port()}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64, "OMP_NUM_THREADS": "1"}
    environment |= {
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        "RAY_health_check_initial_delay_ms": "0",
    }
    head = [RAY, "start", "--head", f"--port={address.rpartition(':')[2]}", "--num-cpus=1", "--object-store-memory=100000000"]
    head += ["--include-dashboard=false", "--node-ip-address=127.0.0.1", "--disable-usage-stats", "--block"]
    with running(head, tmp_path, environment), ExitStack() as second:
        deadline = time.monotonic() + 90
        while nodes(tmp_path, address, environment) < 1:
            assert time.monotonic() < deadline, (tmp_path / "servers.log").read_text()
        second.enter_context(node(address, tmp_path, environment))
        driver = Driver(tmp_path, samples, address, environment)
        driver.wait_for(r"2 of 1 to 2 workers share each batch of 4")
        driver.wait_for(r"epoch [5-9]/")
        second.close()
        gone_on = driver.wait_for(r"1 of 1 to 2 workers")
        epochs = len(re.findall(r"epoch \d+/", driver.log.read_text()))
        driver.wait_for(r"epoch \d+/", times=epochs + 3)
        with node(address, tmp_path, environment):
            driver.wait_for(r"(?s)\b1 of 1 to 2 workers.*\b2 of 1 to 2 workers.*resumed after epoch \d+.*epoch \d+/")
            driver.process.kill()
            driver.process.wait(30)
    assert gone_on < 60
    said = dict(re.findall(r"epoch (\d+)/\d+, loss ([-\d.]+)", driver.log.read_text()))
    assert sorted(map(int, said)) == list(range(1, len(said) + 1)), "no epoch is left out"
    losses = [float(said[str(epoch)]) for epoch in range(1, len(said) + 1)]
    assert sum(losses[-3:]) < sum(losses[:3])


def _train(folder: Path, samples: Path, address: str) -> None:
    test_fit.CLUSTER = Cluster(address=address, num_cpus=None, object_store_mb=100)
    settings: dict[str, Any] = {"epochs": EPOCHS, "workers": Elastic(min=1, max=2), "max_failures": 5}
    print(json.dumps(settings, default=str))
    test_fit.train(folder, samples, **settings)


if __name__ == "__main__":
    _train(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
