"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pipeline.runtime.cluster import prepare_environment

prepare_environment()  # before any test imports Ray, which reads its authentication settings once
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


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
