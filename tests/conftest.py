"""Fixtures that many tests share."""

from __future__ import annotations

import functools
import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.cluster import prepare_environment

gc.disable()  # until all tests are collected: what is imported stays, and looking through it again and again takes a fifth of the time
prepare_environment()  # before any test imports Ray, which reads its authentication settings once
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


# What takes each process seconds: Ray, imports of MLflow, an S3, imports of PyTorch's optimisers. A file that holds such words uses it.
COSTLY = tuple(map(re.compile, ("ray_local", "new_store", r's3: dict|"s3"\)', r"torch\.optim|learn\(|Trainer\(")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Of processes that share the files, one has all those that use the session's Ray, one all with a store of MLflow, and so on."""
    if config.getvalue("dist") != "loadfile" or len(config.getvalue("tx")) < 3:
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return _costly(config.rootpath / file) or file

    return Together(config, log)


@functools.cache
def _costly(file: Path) -> str | None:
    """The first of the costly things that a file uses."""
    text = file.read_text()
    return next((words.pattern for words in COSTLY if words.search(text)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the whole pipelines: they take longest, and would keep one of two processes waiting at the end."""
    items.sort(key=lambda item: "tests/system/" not in item.nodeid)


def pytest_collection_finish() -> None:
    """Leave what was imported out of all later garbage collections."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def own_mlflow_store() -> None:
    """Forget the store of the test before: MLflow hands it to child processes in the environment, where it stands above the parameters."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """An S3 with one empty bucket, and the environment that names it, which it yields."""
    import fsspec

    from tests.s3 import s3_server

    with s3_server() as environment:
        fsspec.get_filesystem_class("s3").clear_instance_cache()  # of another module's server
        before = dict(os.environ)
        os.environ |= environment
        yield environment
        os.environ.clear()
        os.environ |= before


@pytest.fixture(scope="session")
def ray_local() -> Iterator[None]:
    """A local Ray of two CPUs, shared by the session."""
    from pipeline.params.sections.common import Cluster
    from pipeline.runtime.cluster import attached

    with attached(Cluster(address="local", num_cpus=2, object_store_mb=200)):
        yield
