from __future__ import annotations

import errno
import http.client
import pickle
from collections.abc import Callable

import botocore.exceptions
import pytest
from aiohttp import ClientPayloadError
from ray.exceptions import RayTaskError
from s3fs.errors import translate_boto_error

from pipeline.errors import ConnectionLost, PlainError, UserError, connection, unwrapped
from pipeline.sources.images import BadImage


def answered(status: int, code: str) -> Exception:
    """What s3fs makes of an answer of S3."""
    response = {"Error": {"Code": code, "Message": "said"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    found: Exception = translate_boto_error(botocore.exceptions.ClientError(response, "GetObject"))  # type: ignore[arg-type]
    return found


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def after(error: Exception, earlier: Exception) -> Exception:
    error.__context__ = earlier
    return error


REFUSED = botocore.exceptions.EndpointConnectionError(endpoint_url="http://h/b", error="refused")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError(),
        http.client.IncompleteRead(b"", 3),
        OSError(errno.EHOSTUNREACH, "no route to host"),
        ClientPayloadError("Response payload is not completed"),
        REFUSED,
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://h/b"),
        answered(503, "SlowDown"),
        answered(500, "InternalError"),
        pickle.loads(pickle.dumps(answered(503, "503"))),  # as it comes out of a task, without its cause
        caused(FileNotFoundError("http://h/b"), ClientPayloadError("broken")),  # fsspec's words for a web server that is gone
        RayTaskError("f", "", ConnectionResetError(errno.ECONNRESET, "reset")).as_instanceof_cause(),
    ],
)
def test_a_network_that_fails_is_one_message_with_the_address(error: Exception) -> None:
    with (
        pytest.raises(
            ConnectionLost, match=r"^s3://b/run: the connection was lost \(.+\)\nnext: .* run the same command again; fin"
        ) as told,
        connection("s3://b/run"),
    ):
        raise error
    assert (told.value.status, told.value.__cause__) == (1, error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        OSError(errno.ENOSPC, "full"),
        FileNotFoundError("not there"),
        BrokenPipeError(errno.EPIPE, "the terminal was closed"),
        UserError("a mistake"),
        answered(404, "NoSuchKey"),
        answered(403, "AccessDenied"),
        answered(409, "409"),
        botocore.exceptions.NoCredentialsError(),
        after(KeyError("a fault of ours while it was handled"), REFUSED),
        RayTaskError("f", "", KeyError("ours")).as_instanceof_cause(),
    ],
)
def test_any_other_error_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, connection("s3://b/run"):
        raise error
    assert passed.value is error


def training(failure: Exception) -> Exception:
    """As Ray Train reports it."""
    error = RuntimeError("training failed")
    error.worker_failures = {0: failure}  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    "wrap", [lambda error: RayTaskError("f", "", error), lambda error: RayTaskError("f", "", error).as_instanceof_cause()]
)
@pytest.mark.parametrize("around", [lambda error: error, training, lambda error: caused(RuntimeError(), error)])
@pytest.mark.parametrize("error", [UserError("a mistake"), BadImage("a.jpg: damaged"), ConnectionLost("s3://b: lost")])
def test_plain_errors_come_out_of_rays_wrapping(
    error: PlainError, wrap: Callable[[Exception], Exception], around: Callable[[Exception], Exception]
) -> None:
    with pytest.raises(PlainError) as told, unwrapped():
        raise around(wrap(error))
    assert (type(told.value), told.value.args) == (type(error), error.args)


def test_other_errors_stay_wrapped() -> None:
    error = RayTaskError("f", "", KeyError("ours"))
    with pytest.raises(RayTaskError) as passed, unwrapped():
        raise error
    assert passed.value is error
