"""A web server on loopback that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site(ThreadingHTTPServer):
    """Serves `files`.

    Attributes:
        files: path -> contents.
        requests: path and Range header of each request.
        breaks: how many bytes each of the next answers sends before it breaks off.
        failures: status codes that the next answers have.
        ranges: whether Range is understood.
        validators: whether an ETag is sent.
        wrong_start: answer a range with another one.
        answering: cleared, every answer waits until it is set.
        scheme: http, or https where `serving` was given a certificate.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.breaks: list[int] = []
        self.failures: list[int] = []
        self.ranges = self.validators = True
        self.wrong_start = False
        self.answering = threading.Event()
        self.answering.set()
        self.scheme = "http"

    def handle_error(self, *_: object) -> None:
        """Clients that go away are what this is for."""

    def url(self, name: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Site

    def do_GET(self) -> None:
        site, name = self.server, self.path.strip("/")
        site.answering.wait()
        site.requests.append((name, self.headers.get("Range")))
        if site.failures:
            self.send_error(site.failures.pop(0))
            return
        if name not in site.files:
            self.send_error(404)
            return
        body = site.files[name]
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        first, end = self._span(tag, len(body))
        part = (first, end) != (0, len(body))
        self.send_response(206 if part else 200)
        if part:
            self.send_header("Content-Range", f"bytes {0 if site.wrong_start else first}-{end - 1}/{len(body)}")
        if site.validators:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(end - first))
        self.end_headers()
        rest = body[first:end]
        if site.breaks:
            self.wfile.write(rest[: site.breaks.pop(0)])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(rest)

    def _span(self, tag: str, size: int) -> tuple[int, int]:
        """First byte to send and the one after the last: those of Range, unless If-Range names another file."""
        wanted = self.headers.get("Range")
        if not self.server.ranges or not wanted or self.headers.get("If-Range") not in (None, tag):
            return 0, size
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        return int(first), min(int(last) + 1, size) if last else size

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(certificate: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site for the duration of the block; https with a certificate."""
    site = Site()
    if certificate is not None:
        site.socket, site.scheme = certificate.wrap_socket(site.socket, server_side=True), "https"
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
