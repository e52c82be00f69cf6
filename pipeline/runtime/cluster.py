"""Where work runs: attach to the shared Ray head, or start a local one, and spread tasks over it with a progress bar.

A stage never says how many machines there are; it declares what one task needs. `throughline cluster up` starts a head that all stages
share (an attach takes about a second, a local start five).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import ConnectionLost, UserError, unwrapped
from pipeline.params.sections.common import Cluster
from pipeline.runtime.ending import signals_kept
from pipeline.runtime.head_watch import watched
from pipeline.runtime.imports import collecting_nothing
from pipeline.runtime.machine import THREADS, arithmetic
from pipeline.runtime.probe import NO_NODE, why_no_head
from pipeline.runtime.process_tree import stop_head
from pipeline.runtime.progress import Progress
from pipeline.runtime.shipped import packed

Item = TypeVar("Item")
Result = TypeVar("Result")

ROOT = Path(__file__).resolve().parents[2]
HEAD_FILE = ROOT / ".throughline" / "ray-head.json"
TOKEN_FILE = ROOT / ".throughline" / "ray-token"
OWN_HEAD = ("auto", "local")  # values of `cluster.address` that name a head of this machine
LONGEST_TEMPORARY = 40  # characters: Ray puts sockets some sixty deeper, and their paths may have 107
WORKER_ENVIRONMENT = THREADS | {"MLFLOW_DISABLE_TELEMETRY": "true", "RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}
DRIVER_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_enable_metrics_collection": "0",  # whose page answers whoever asks, without a token
    "RAY_raylet_start_wait_time_s": "60",  # on a machine that others keep busy, a start takes long
    "RAY_gcs_rpc_server_reconnect_timeout_s": "20",  # Ray ends the process when the head is away for longer
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # a task that fails after the first failure
}


# Ray listens on all addresses, whatever `--node-ip-address` says, but where it takes this machine for one that can be part of no cluster.
ONE_MACHINE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def attached(cluster: Cluster) -> Iterator[None]:
    """Connect this process to Ray for the duration of the block.

    `cluster.address` is `auto` (the head of `throughline cluster up` when it answers, else a local Ray), `local`, or `host:port`.

    Raises:
        UserError: the named head does not answer.
    """
    prepare_environment()
    with collecting_nothing():
        import ray

    if ray.is_initialized():
        yield
        return
    address = _address(cluster)
    with signals_kept(), _on_loopback() if cluster.address in OWN_HEAD else nullcontext():
        ray.init(**_init_arguments(cluster, address))
    try:
        with watched(ray.get_runtime_context().gcs_address):
            yield
    finally:
        ray.shutdown()


def gpus() -> int:
    """GPUs of the attached cluster."""
    import ray

    return int(ray.cluster_resources().get("GPU", 0))


def map_tasks(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    label: str,
    unit: str,
    num_cpus: float = 1,
    num_gpus: float = 0,
    weight: Callable[[Item], int] | None = None,
) -> list[Result]:
    """Run `function` on every item as Ray tasks; results come in the items' order.

    Twice as many tasks as CPUs are in flight, so that a million items do not fill the scheduler. After the first failure none is
    started; those under way end with this process. (To cancel one at the moment it starts aborts the whole process, a fault of Ray's.)

    Args:
        function: importable function of one item.
        items: picklable inputs.
        label: what the progress bar says.
        unit: plural noun that the bar counts.
        num_cpus: CPUs of one task.
        num_gpus: GPUs of one task.
        weight: units of an item for the bar (default 1).

    Raises:
        PlainError: as raised by a task.
    """
    import ray

    # DEFAULT: inside a trial of Ray Tune tasks take the cluster's CPUs, not the none that Tune booked for the trial.
    remote = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus, max_retries=2, scheduling_strategy="DEFAULT")(function)
    weigh = weight or (lambda item: 1)
    waiting = list(enumerate(items))[::-1]
    running: dict[Any, int] = {}
    results: dict[int, Result] = {}
    limit = max(2, 2 * int(ray.cluster_resources().get("CPU", 1) / max(num_cpus, 0.1)))
    with Progress(label, sum(map(weigh, items)), unit) as bar:
        while waiting or running:
            while waiting and len(running) < limit:
                index, item = waiting.pop()
                running[remote.remote(item)] = index
            done, _ = ray.wait(list(running))
            for reference in done:
                index = running.pop(reference)
                with unwrapped():
                    results[index] = ray.get(reference)
                bar.advance(weigh(items[index]))
    return [results[index] for index in range(len(items))]


def head() -> str | None:
    """Address of the head that `up` started, where it answers."""
    known = _known_head()
    if known is None:
        return None
    reason = why_no_head(known)
    if reason is not None:
        print(f"cluster: the head remembered at {known} cannot be used: {reason}", file=sys.stderr, flush=True)
    return known if reason is None else None


def up(cluster: Cluster) -> str:
    """Start a Ray head on this machine, remember its address and return it (`host:port`); does nothing when one already answers.

    Raises:
        ConnectionLost: it does not start.
        UserError: the folder for Ray's temporary files belongs to another user.
    """
    known = head()
    if known is not None:
        return known
    prepare_environment()
    remembered = _known_head()
    if remembered is not None and why_no_head(remembered) == NO_NODE:  # ours, since it took our token; it would stay for ever
        down()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", f"--port={port}", "--include-dashboard=false"]
    command += [f"--num-cpus={cluster.num_cpus or os.cpu_count()}", f"--object-store-memory={cluster.object_store_mb * 1024**2}"]
    command += ["--node-ip-address=127.0.0.1", "--disable-usage-stats"]
    command += [f"--temp-dir={temporary_folder()}"]
    HEAD_FILE.parent.mkdir(parents=True, exist_ok=True)
    HEAD_FILE.write_text(json.dumps({"address": f"127.0.0.1:{port}"}))  # first, so that `down` finds what is interrupted while it starts
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | WORKER_ENVIRONMENT | ONE_MACHINE
    )
    if done.returncode:
        down()  # what has started
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ConnectionLost(
            f"cluster: Ray's head does not start ({said})\nnext: free memory and processors, and run the same command again"
        )
    return f"127.0.0.1:{port}"


def down() -> None:
    """Stop the head that `up` started."""
    known = _known_head()
    if known is None:
        return
    stop_head(known.rpartition(":")[2], TOKEN_FILE)
    HEAD_FILE.unlink(missing_ok=True)


def temporary_folder() -> str:
    """Where Ray keeps sockets and logs: a folder of this user's, since Ray's own belongs to the user who came first.

    It lies among the temporary files, or in /tmp where the path of these is too long for sockets.

    Raises:
        UserError: the folder is somebody else's.
    """
    place = tempfile.gettempdir()
    folder = Path("/tmp" if len(place) > LONGEST_TEMPORARY else place, f"ray-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder}: belongs to another user\nnext: set TMPDIR to a folder of yours with a short path")
    return str(folder)


def prepare_environment() -> None:
    """Settings that Ray reads from the environment; a user's own (a remote cluster's token, say) win.

    Ray asks every process for a token: this repository's own lies in .throughline, readable by its owner alone.
    """
    for key, value in DRIVER_ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    if not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        if not TOKEN_FILE.is_file():
            TOKEN_FILE.parent.mkdir(parents=True, exist_ok=True)
            TOKEN_FILE.touch(mode=0o600)
            TOKEN_FILE.write_text(secrets.token_hex(32))
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(TOKEN_FILE)}


def _address(cluster: Cluster) -> str | None:
    """The head to attach to, or None for a local Ray."""
    if cluster.address == "local":
        return None
    if cluster.address != "auto":
        reason = why_no_head(cluster.address)
        if reason is not None:
            raise UserError(
                f"cluster.address: no Ray head answers at {cluster.address}: {reason}\nnext: start it, or set cluster.address to auto"
            )
        return cluster.address
    return head()


def _init_arguments(cluster: Cluster, address: str | None) -> dict[str, Any]:
    environment = WORKER_ENVIRONMENT | arithmetic()
    shared: dict[str, Any] = {
        "logging_level": logging.WARNING,
        "log_to_driver": True,
        "runtime_env": {"env_vars": environment | {"PYTHONPATH": str(ROOT)}},
    }
    if cluster.address not in OWN_HEAD:  # its machines need no checkout of this repository
        code = {"working_dir": str(packed(ROOT)), "env_vars": environment}
        return shared | {"address": address, "runtime_env": code}
    if address is not None:
        return shared | {"address": address}
    return shared | {
        "address": "local",
        "num_cpus": cluster.num_cpus or os.cpu_count(),
        "object_store_memory": cluster.object_store_mb * 1024**2,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": temporary_folder(),
    }


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let Ray start and attach on loopback alone; what it starts in the block inherits that, what this process starts later does not."""
    from ray._private import ray_constants

    environment = {name: os.environ.get(name) for name in ONE_MACHINE}
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False  # read from the environment when Ray was imported
    os.environ |= ONE_MACHINE
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        for name, value in environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _known_head() -> str | None:
    try:
        address = json.loads(HEAD_FILE.read_text())["address"]
        return address if isinstance(address, str) else None
    except (OSError, ValueError, KeyError, TypeError):  # missing, cut off, or of another shape
        return None
