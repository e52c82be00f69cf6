"""A connection that can be cut: a relay on loopback between a client and a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 1 << 16


class Relay:
    """Passes bytes between its own port and a server's.

    Args:
        target: host and port of the server.

    Attributes:
        port: where it listens; the same again after a cut.
        limit: bytes that the server may still send before the relay cuts itself; None: any number.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target, self._open = target, set[socket.socket]()
        self._listener: socket.socket | None = None
        self.port, self.limit = 0, None
        self.mend()

    limit: int | None

    def mend(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port, self.limit = self._listener.getsockname()[1], None
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
                self._open |= {client, server}
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other, one is server), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if counted and self.limit is not None:
                    piece, self.limit = piece[: self.limit], max(0, self.limit - len(piece))
                sink.sendall(piece)
                if self.limit == 0:
                    self.cut()
        for each in (source, sink):
            self._open.discard(each)
            each.close()


@contextmanager
def relayed(host: str, port: int) -> Iterator[Relay]:
    """A relay for the duration of the block."""
    relay = Relay((host, port))
    try:
        yield relay
    finally:
        relay.cut()
