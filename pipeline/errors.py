"""The exceptions whose messages are written for the person at the keyboard, and how they are told from faults of ours.

A task's error reaches the driver in the wrapping of Ray: the outer error's `cause`, a training's `worker_failures`. Both functions that
look for something look through it, and through what an error was said to come `from`; never at errors that were only at hand when
another was raised, since that one may be a fault of ours.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class PlainError(Exception):
    """An error whose message says all: what, where and what to do next.

    Commands print it as one block without a traceback and exit with `status`. Every other exception is a fault of ours and keeps its
    traceback.
    """

    status: ClassVar[int]


class UserError(PlainError):
    """A mistake the user can mend: the message says what, where, what is allowed and what to do next."""

    status = 2


class ConnectionLost(PlainError):
    """A store or a source went away in the middle of work. It says nothing about the data, so nobody may take it for a defect of them."""

    status = 1


# Errors of network libraries that are neither of Python's own classes, nor carry their number; named, so that nothing is imported for it.
_LIBRARIES = {
    "aiohttp.client_exceptions.ClientError",
    "azure.core.exceptions.ServiceRequestError",
    "azure.core.exceptions.ServiceResponseError",
    "botocore.exceptions.ConnectionError",
    "botocore.exceptions.HTTPClientError",
    "google.auth.exceptions.TransportError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
    "urllib3.exceptions.HTTPError",
}
_PYTHONS = (ConnectionError, TimeoutError, http.client.HTTPException, socket.gaierror, ssl.SSLError)
# The last two are what s3fs makes of a server that answers 503 or 500.
_NUMBERS = {
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH),
    *(errno.EBUSY, errno.EREMOTEIO),
}
_SERVER_FAILS = 500  # least HTTP status that is the server's fault


class plain_errors:
    """Context manager: a `PlainError`, a full disk or a library's error that `library_errors` knows ends the process with its message."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PlainError):
            self._stop(str(error), error.status)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            self._stop(
                f"{error.filename or 'disk'}: no space left; finished parts are kept\nnext: free space and run the same command again",
                UserError.status,
            )
        if isinstance(error, Exception):
            from pipeline.library_errors import plain

            known = plain(error)
            if known is not None:
                self._stop(str(known), known.status)

    @staticmethod
    def _stop(message: str, status: int) -> None:
        print(f"error: {message}", file=sys.stderr, flush=True)
        raise SystemExit(status)


@contextmanager
def connection(where: str) -> Iterator[None]:
    """Turn a connection that breaks inside the block into a message that names its address; other errors pass unchanged.

    Raises:
        ConnectionLost: the connection broke.
        UserError: the server's certificate is not trusted.
    """
    try:
        yield
    except PlainError:
        raise
    except Exception as error:
        trusted(where, error)
        chain = list(_within(error))
        refused = any(0 < _status(inner) < _SERVER_FAILS for inner in chain)  # by a server that answers well enough
        broken = next((inner for inner in chain if _of_network(inner) and not refused), None)
        if broken is None:
            raise
        said = " ".join(str(broken).split()) or type(broken).__name__
        raise ConnectionLost(
            f"{where}: the connection was lost ({said})\n"
            "next: see that the address answers and run the same command again; finished parts are kept"
        ) from error


def trusted(where: str, error: BaseException) -> None:
    """Raise a message with advice where an error came from a certificate that is not trusted; do nothing for any other error.

    Raises:
        UserError: the error came from such a certificate.
    """
    for inner in _within(error):
        if isinstance(inner, ssl.SSLCertVerificationError):
            raise UserError(
                f"{where}: its certificate is not trusted ({' '.join(str(inner).split())})\n"
                "next: set SSL_CERT_FILE to the PEM file of the authority that signed it (for s3:// AWS_CA_BUNDLE)"
            ) from None


@contextmanager
def unwrapped() -> Iterator[None]:
    """Take a plain error of a task or worker that fails inside the block out of Ray's wrapping.

    Raises:
        PlainError: as raised there.
    """
    try:
        yield
    except Exception as error:
        found = next((inner for inner in _within(error) if isinstance(inner, PlainError) and not _of_ray(inner)), None)
        if found is None:
            raise
        raise type(found)(*found.args) from None


def _within(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    yield error
    named = [getattr(error, name, None) for name in ("cause", "reason")]
    told = getattr(error, "kwargs", None)  # what botocore makes its message of
    named.append(told.get("error") if isinstance(told, dict) else None)
    inner: list[Any] = [*named, error.__cause__, *getattr(error, "worker_failures", {}).values()]
    for each in inner:
        if isinstance(each, BaseException):
            yield from _within(each)


def _of_ray(error: BaseException) -> bool:
    """Whether Ray made the class; those that wrap a task's error inherit from its class as well."""
    return type(error).__module__.partition(".")[0] == "ray"


def _of_network(error: BaseException) -> bool:
    if _of_ray(error) or isinstance(error, BrokenPipeError):  # which is what a closed terminal gives
        return False
    if isinstance(error, _PYTHONS) or (isinstance(error, OSError) and error.errno in _NUMBERS):
        return True
    return _status(error) >= _SERVER_FAILS or any(f"{kind.__module__}.{kind.__qualname__}" in _LIBRARIES for kind in type(error).__mro__)


def _status(error: BaseException) -> int:
    """HTTP status of a server's answer, in the words of botocore and aiohttp; 0: it is about no answer."""
    answer = getattr(error, "response", None)
    found = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else getattr(error, "status", 0)
    return found if isinstance(found, int) else 0
