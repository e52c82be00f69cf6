"""Whether a port is the head of a Ray that this process may use.

A port that accepts connections proves nothing: another service may have it, a Ray of another version, or another clone's, which takes
another token. Each question has a deadline of its own; Ray's own way to ask waits for minutes.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable
from typing import Any

PORT_SECONDS, ANSWER_SECONDS = 2.0, 5.0
NO_NODE = "the Ray head there has no node that works; its node manager (raylet) is gone"
_ALIVE = 0  # GcsNodeInfo.ALIVE
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # RFC 9113, 3.4: the preface and empty settings
_HEADER, _SETTINGS = 9, 4  # bytes of a frame's header, whose fourth is the frame's type


def why_no_head(address: str) -> str | None:
    """Why no Ray can be used at `host:port`; None: one can. Ends within some seven seconds."""
    found = _why_no_grpc(address)
    return found if found is not None else _why_other(address)


def _why_no_grpc(address: str) -> str | None:
    """Ask for the first frame of HTTP/2, which every gRPC server sends at once."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), PORT_SECONDS) as connection:
            connection.settimeout(PORT_SECONDS)
            connection.sendall(_HELLO)
            answer = b""
            while len(answer) < _HEADER and (more := connection.recv(_HEADER - len(answer))):
                answer += more
    except (OSError, ValueError, OverflowError) as error:
        return f"nothing answers there ({error})"
    return None if len(answer) == _HEADER and answer[3] == _SETTINGS else "another service answers there, which is no Ray head"


def _why_other(address: str) -> str | None:
    """Ask for the head's version with this process's token, aside, since the question itself has no deadline that holds."""
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(_asked(address)), daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    return answers[0] if answers else f"a service answers there, but not within {ANSWER_SECONDS:.0f} s as a Ray head does"


def _asked(address: str) -> str | None:
    import ray
    from ray._raylet import GcsClient

    try:
        client: Any = GcsClient(address=address)
        metadata = client.internal_kv_get(b"CLUSTER_METADATA", b"cluster", timeout=ANSWER_SECONDS)
        nodes = client.get_all_node_info(timeout=ANSWER_SECONDS).values()
    except Exception as error:  # Ray's own classes differ by what answers
        said = " ".join(str(error).split())
        if "token" in said.lower() or "unauthenticated" in said.lower():
            return "the Ray head there takes another token; it is another clone's or another user's"
        return f"the Ray head there does not answer ({said[:200]})"
    version = json.loads(metadata).get("ray_version") if metadata else None
    if version is not None and version != ray.__version__:
        return f"the Ray head there is of version {version}, this one is {ray.__version__}"
    return None if has_node(nodes, address.rpartition(":")[0]) else NO_NODE


def has_node(nodes: Iterable[Any], host: str) -> bool:
    """Whether a head has a node that can work: its own list says so for some seconds after a node manager (raylet) was killed.

    Args:
        nodes: what the head says of each: state, node_manager_address, node_manager_port.
        host: of the head; the ports of nodes there are asked.
    """
    alive = [node for node in nodes if node.state == _ALIVE]
    beside = [node for node in alive if node.node_manager_address == host]
    return any(_listens(host, node.node_manager_port) for node in beside) if beside else bool(alive)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), PORT_SECONDS).close()
    except OSError:
        return False
    return True
