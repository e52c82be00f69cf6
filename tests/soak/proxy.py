"""A proxy before an object store, of which a share of the calls fails, or which answers nothing any more."""

from __future__ import annotations

import http.client
import http.server
import random
import threading
from typing import Any

STALL_SECONDS = 3600.0


class Proxy:
    """Passes HTTP on to a server.

    Args:
        target: host and port of the server.
    """

    def __init__(self, target: str) -> None:
        self._target, self._calls, self._share = target, 0, 0.0
        self._rng, self._flows = random.Random(0), threading.Event()
        self._flows.set()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                proxy.pass_on(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fail(self, share: float, seed: int) -> None:
        """From now on a share of the calls fails: half with status 503, half with a connection that breaks."""
        self._share, self._rng = share, random.Random(seed)

    def stall(self) -> None:
        """From now on nothing is answered."""
        self._flows.clear()

    def mend(self) -> None:
        """From now on everything is answered."""
        self._share = 0.0
        self._flows.set()

    def total(self) -> int:
        """Calls until now."""
        return self._calls

    def pass_on(self, call: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a call, or do not."""
        self._calls += 1
        body = self._body(call)
        self._flows.wait(STALL_SECONDS)
        if self._share and self._rng.random() < self._share:
            if self._rng.random() < 0.5:
                call.send_response(503)
                call.send_header("Content-Length", "0")
                call.end_headers()
            call.close_connection = True
            return
        connection = http.client.HTTPConnection(self._target, timeout=60)
        connection.request(call.command, call.path, body, dict(call.headers))
        answer = connection.getresponse()
        content = answer.read()
        call.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                call.send_header(name, value)
        call.send_header("Content-Length", answer.getheader("Content-Length", "0") if call.command == "HEAD" else str(len(content)))
        call.end_headers()
        if call.command != "HEAD":
            call.wfile.write(content)

    def _body(self, call: http.server.BaseHTTPRequestHandler) -> bytes:
        """The call's content; what came in pieces goes on whole."""
        if "chunked" not in call.headers.get("Transfer-Encoding", ""):
            return call.rfile.read(int(call.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(call.rfile.readline().split(b";")[0], 16):
            pieces.append(call.rfile.read(size))
            call.rfile.readline()
        while call.rfile.readline().strip():
            pass
        content = b"".join(pieces)
        del call.headers["Transfer-Encoding"]
        call.headers["Content-Length"] = str(len(content))
        return content
