"""A port that accepts connections is no Ray head yet, and asking it ends within seconds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.params.sections.common import Cluster
from pipeline.runtime import cluster, probe


@contextmanager
def service(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one connection; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def http(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def silent(connection: socket.socket) -> None:
    time.sleep(3)


def closing(connection: socket.socket) -> None:
    return


@pytest.mark.parametrize("answer", [http, silent, closing])
def test_another_service_is_no_head_and_auto_starts_a_ray_of_its_own(
    answer: Callable[[socket.socket], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "PORT_SECONDS", 0.3)
    monkeypatch.setattr(cluster, "HEAD_FILE", tmp_path / "head.json")
    began = time.monotonic()
    with service(answer) as address:
        (tmp_path / "head.json").write_text(json.dumps({"address": address}))
        assert cluster._address(Cluster(address="auto", num_cpus=1, object_store_mb=100)) is None
    assert f"the head remembered at {address} cannot be used" in capsys.readouterr().err
    with service(answer) as address, pytest.raises(UserError, match=f"no Ray head answers at {address}"):
        cluster._address(Cluster(address=address, num_cpus=1, object_store_mb=100))
    assert time.monotonic() - began < 10


def test_a_server_of_grpc_that_is_no_ray_is_told_apart_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def settings(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        time.sleep(1)

    monkeypatch.setattr(probe, "_asked", lambda address: time.sleep(5))
    monkeypatch.setattr(probe, "ANSWER_SECONDS", 0.2)
    with service(settings) as address:
        assert probe.why_no_head(address) == "a service answers there, but not within 0 s as a Ray head does"


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no port", "127.0.0.1:99999", ""])
def test_nothing_at_an_address_is_said(address: str) -> None:
    assert (probe.why_no_head(address) or "").startswith("nothing answers there")


@pytest.mark.parametrize("content", ["[]", "null", '{"address": 5}', "{", "", '{"other": 1}'])
def test_a_head_file_of_another_shape_is_ignored(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "HEAD_FILE", tmp_path / "head.json")
    (tmp_path / "head.json").write_text(content)
    assert cluster.head() is None
    cluster.down()


def node(state: int, address: str, port: int) -> SimpleNamespace:
    return SimpleNamespace(state=state, node_manager_address=address, node_manager_port=port)


def test_a_head_whose_node_manager_was_killed_has_no_node() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert probe.has_node([node(0, "127.0.0.1", port)], "127.0.0.1")
        assert not probe.has_node([node(1, "127.0.0.1", port)], "127.0.0.1"), "the head says that it is dead"
        assert probe.has_node([node(0, "127.0.0.1", 9), node(0, "127.0.0.1", port)], "127.0.0.1"), "one of two is there"
    assert not probe.has_node([node(0, "127.0.0.1", port)], "127.0.0.1"), "the head has not noticed yet"
    assert probe.has_node([node(0, "10.0.0.2", 9)], "10.0.0.1"), "of other machines the head knows more"
    assert not probe.has_node([], "127.0.0.1")
