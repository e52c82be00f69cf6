"""A real S3 API on this machine: moto's server, on a free port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

BUCKET = "a-bucket"


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Serve an S3 with one empty bucket; yields the environment that clients need."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        environment = {"AWS_ENDPOINT_URL": address, **keys}
        with urlopen(Request(f"{address}/moto-api/reset", method="POST"), timeout=60):
            pass  # what earlier servers of this process hold
        client(environment).create_bucket(Bucket=BUCKET)
        yield environment
    finally:
        server.stop()


def client(environment: Mapping[str, str]) -> Any:
    """boto3's client of the server: not the one that the product uses."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )


def keys(environment: Mapping[str, str]) -> list[str]:
    """Names of all objects in the bucket."""
    pages = client(environment).get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]
