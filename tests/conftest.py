"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pipeline.cluster import prepare_environment

prepare_environment()  # before any test imports Ray, which reads its authentication settings once
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def ray_local() -> Iterator[None]:
    """A local Ray of two CPUs, shared by the session."""
    from pipeline.cluster import attached
    from pipeline.params import Cluster

    with attached(Cluster(address="local", num_cpus=2, object_store_mb=200)):
        yield
