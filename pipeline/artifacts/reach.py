"""Whether every machine of a cluster reaches what the work reads and writes, asked before any of it is done.

A head that this repository started serves this machine alone. With `cluster.address: host:port` the work may run anywhere: the code goes
there through Ray's runtime environment (`runtime.shipped`), and each machine is asked whether it has the same packages, and whether it sees
the store, the folder of third-party data and MLflow's server.
"""

from __future__ import annotations

import secrets
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import store
from pipeline.errors import UserError, unwrapped
from pipeline.params.sections import Params
from pipeline.runtime import cluster
from pipeline.runtime.machine import version_of

# What decides bytes, or is pickled from one process to another.
PACKAGES = ("torch", "ray", "numpy", "scipy", "numba", "pyarrow", "pydantic", "opencv-python-headless", "av", "lap", "mlflow", "fsspec")
ANSWER_SECONDS = 60.0  # for one machine to start a process and look about
HTTP_SECONDS = 5.0
_SERVER = "mlflow server --host 0.0.0.0 --port 5000 --backend-store-uri sqlite:///mlflow.db --artifacts-destination mlartifacts"


@dataclass(frozen=True)
class Tracking:
    """MLflow's store as this run uses it.

    Attributes:
        uri: its address.
        named_by: what named it, for messages: the parameter, or the environment variable that stands above it.
    """

    uri: str
    named_by: str

    @property
    def is_server(self) -> bool:
        """Whether other machines can reach it."""
        return self.uri.startswith(("http://", "https://"))


@dataclass(frozen=True)
class Wanted:
    """What every machine must have.

    Attributes:
        python: its version, such as 3.11.7.
        packages: name -> version.
        folders: parameter -> folder and a file in it that must be seen.
        store: `base.store`, where it is a URL; else empty.
        tracking: address of MLflow's server; None: the store is no server's.
    """

    python: str
    packages: dict[str, str]
    folders: dict[str, tuple[str, str]]
    store: str
    tracking: Tracking | None


@contextmanager
def ready(params: Params, root: Path, tracking: Tracking) -> Iterator[None]:
    """Attach to the cluster that the parameters name, and let every machine of it look about; does nothing for a head of our own.

    Args:
        params: the whole parameter file.
        root: the repository.
        tracking: MLflow's store, which the environment may name in the place of the parameter file.

    Raises:
        UserError: the head does not answer; several machines would write to a place or database that only this one has; or a machine
            lacks something, each named by its address.
    """
    if params.cluster.address in cluster.OWN_HEAD:
        yield
        return
    with cluster.attached(params.cluster):
        check(params, root, tracking)
        yield


def check(params: Params, root: Path, tracking: Tracking) -> None:
    """Ask every machine of the attached cluster what it lacks (see `ready`).

    Raises:
        UserError: several machines would write to a place or database that only this one has, or a machine lacks something.
    """
    import ray

    nodes = {node["NodeID"]: str(node["NodeManagerHostname"]) for node in ray.nodes() if node["Alive"]}
    if len(nodes) > 1:
        refuse_what_one_machine_has(params, tracking, len(nodes))
    with _seen_files(params, root) as folders:
        missing = _asked(nodes, wanted(params, tracking, folders))
    if missing:
        lines = "\n".join(f"  {line}" for line in missing)
        raise UserError(
            f"cluster.address {params.cluster.address}: {len(missing)} thing(s) missing on its machines\n{lines}\n"
            "next: install constraints.txt of this repository there, mount the folders at the same paths, or open the addresses to them"
        )
    print(f"{len(nodes)} machine(s) of {params.cluster.address} have the packages and see the store, the data and MLflow")


def refuse_what_one_machine_has(params: Params, tracking: Tracking, machines: int) -> None:
    """Refuse a store in the repository and a database in a file where several machines work.

    Raises:
        UserError: names the parameter and what to set.
    """
    if params.base.store == store.HERE:
        raise UserError(
            f"base.store: . is a folder of this machine, and cluster.address {params.cluster.address} has {machines}\n"
            "next: set base.store to a URL such as s3://bucket/run, or to a folder that all of them mount at one path"
        )
    if not tracking.is_server:
        raise UserError(
            f"{tracking.named_by}: {tracking.uri} is a file of this machine, and cluster.address {params.cluster.address} "
            f"has {machines}\nnext: start a server, and set {tracking.named_by} to its address:\n  {_SERVER}"
        )


def wanted(params: Params, tracking: Tracking, folders: dict[str, tuple[str, str]]) -> Wanted:
    """What this machine has, and so every other one must have."""
    here = {name: version for name in PACKAGES if (version := version_of(name)) is not None}
    url = params.base.store if "://" in params.base.store else ""
    return Wanted(".".join(map(str, sys.version_info[:3])), here, folders, url, tracking if tracking.is_server else None)


def look_about(wanted: Wanted) -> list[str]:
    """What the machine that this runs on lacks, one line for each thing."""
    python = ".".join(map(str, sys.version_info[:3]))
    lines = [] if python == wanted.python else [f"Python {python}, here {wanted.python}"]
    found = {name: version_of(name) for name in wanted.packages}
    lines += [
        f"{name} {found[name] or 'is not installed'}, here {version}" for name, version in wanted.packages.items() if found[name] != version
    ]
    for parameter, (folder, name) in wanted.folders.items():
        if not Path(folder, name).exists():
            lines.append(f"{parameter}: {folder} is another folder there" if Path(folder).is_dir() else f"{parameter}: no {folder} there")
    if wanted.store:
        try:
            store.check(wanted.store, Path("/"))
        except UserError as error:
            lines.append(str(error).partition("\n")[0])
    if wanted.tracking is not None and (said := _silent(wanted.tracking.uri)):
        lines.append(f"{wanted.tracking.named_by}: {wanted.tracking.uri} does not answer there ({said})")
    return lines


@contextmanager
def _seen_files(params: Params, root: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Folders that others must see, each with the name of a file in it; the store's is made for the purpose and removed after."""
    found: dict[str, tuple[str, str]] = {}
    data_root = Path(root, params.base.data_root).resolve()
    if any("{data_root}" in source.root for source in params.extract_frames.sources):
        first = next((path.name for path in sorted(data_root.iterdir())), "") if data_root.is_dir() else ""
        found["base.data_root"] = (str(data_root), first)
    start = store.folder_of(params.base.store, root, root)
    if not isinstance(start, Path):
        yield found
        return
    start.mkdir(parents=True, exist_ok=True)
    probe = start / f".seen-{secrets.token_hex(8)}"
    probe.touch()
    try:
        yield {**found, "base.store": (str(start), probe.name)}
    finally:
        probe.unlink(missing_ok=True)


def _asked(nodes: dict[str, str], wanted: Wanted) -> list[str]:
    """The lines of every machine, each with its address; one that does not answer in time says so."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = ray.remote(num_cpus=0, max_retries=0)(look_about)
    answers: dict[Any, str] = {}
    for identity, name in nodes.items():
        there = NodeAffinitySchedulingStrategy(identity, soft=False)
        answers[asked.options(scheduling_strategy=there).remote(wanted)] = name
    done, late = ray.wait(list(answers), num_returns=len(answers), timeout=ANSWER_SECONDS)
    lines = [f"{answers[reference]}: does not answer within {ANSWER_SECONDS:.0f} s" for reference in late]
    for reference in done:
        with unwrapped():
            lines += [f"{answers[reference]}: {line}" for line in ray.get(reference)]
    return sorted(lines)


def _silent(server: str) -> str:
    """Why MLflow's server does not answer; empty where it does."""
    try:
        with urllib.request.urlopen(f"{server.rstrip('/')}/health", timeout=HTTP_SECONDS):
            return ""
    except OSError as error:
        return str(getattr(error, "reason", error))
