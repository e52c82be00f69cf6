"""What libraries raise, as messages: the one place that knows the words of Ray, MLflow, SQLite, requests, aiohttp, botocore and Numba.

Classes are known by name, so that nothing is imported for an error that does not happen. What is not listed is a fault of ours and keeps
its traceback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import ConnectionLost, PlainError, UserError


@dataclass(frozen=True)
class Known:
    """An error of a library, and what it means to the person at the keyboard.

    Attributes:
        kind: pattern of the qualified name of its class or of one above it.
        said: pattern of its message.
        means: what happened.
        advice: what to do.
        lost: whether a connection, a process or a machine was lost, so that the same command may succeed when it is run again.
    """

    kind: str
    said: str
    means: str
    advice: str
    lost: bool = False


_DATA_BASE = r"(sqlite3|sqlalchemy\.exc|mlflow\.exceptions|alembic\.util\.exc)\."
_AGAIN = "run the same command again; finished parts are kept"
KNOWN = (
    Known(
        _DATA_BASE,
        r"database is locked",
        "mlflow.tracking_uri: another process holds MLflow's data base",
        "end it (`fuser -v mlflow.db` names it), and run the same command again",
        lost=True,
    ),
    Known(
        _DATA_BASE,
        r"deleted experiment",
        "mlflow.experiment: it was deleted, in MLflow's page or by its command",
        "`mlflow experiments search --view deleted_only` names its id, `mlflow experiments restore --experiment-id ID` brings it back; "
        "or set another mlflow.experiment",
    ),
    Known(
        _DATA_BASE,
        r"out-of-date database schema",
        "mlflow.tracking_uri: MLflow's data base is of an older version",
        "copy it aside, then `mlflow db upgrade URI` with the URI of mlflow.tracking_uri",
    ),
    Known(
        _DATA_BASE,
        r"Can't locate revision|no such (table|column)|has no column named",
        "mlflow.tracking_uri: MLflow's data base is of another version, or no data base of MLflow's",
        "install the version that wrote it, or move the file away: the next run makes a new one",
    ),
    Known(
        _DATA_BASE,
        r"not a database|malformed|disk image",
        "mlflow.tracking_uri: MLflow's data base is damaged",
        "bring back a copy of it, or move it away: the next run makes a new one",
    ),
    Known(
        _DATA_BASE,
        r"readonly database|unable to open database|attempt to write",
        "mlflow.tracking_uri: MLflow's data base cannot be written",
        "see who owns the file and its folder, or name another in mlflow.tracking_uri",
    ),
    Known(
        _DATA_BASE,
        r"table \w+ already exists",
        "mlflow.tracking_uri: another process made MLflow's data base at the same time",
        _AGAIN,
        lost=True,
    ),
    Known(
        r"mlflow\.exceptions\.",
        r"API request to .* failed|Max retries exceeded|Connection (refused|reset)|timed out",
        "mlflow.tracking_uri: MLflow's server does not answer",
        f"see that it runs, then {_AGAIN}",
        lost=True,
    ),
    Known(
        r"mlflow\.exceptions\.",
        r"\b(401|403)\b|UNAUTHENTICATED|PERMISSION_DENIED",
        "mlflow.tracking_uri: MLflow's server does not let you in",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    ),
    Known(
        r"requests\.exceptions\.(ConnectionError|Timeout)", "", "a server does not answer", f"see that it runs, then {_AGAIN}", lost=True
    ),
    Known(
        r"aiohttp\..*ClientResponseError",
        r"^40[13]\b",
        "a server does not let you in",
        "correct user name and password in the address, or leave them to ~/.netrc",
    ),
    Known(
        r"botocore\.exceptions\.(NoCredentials|PartialCredentials)Error",
        "",
        "base.store: a process that reads or writes the store has no credentials for it",
        "set them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE); where a head was started before they were set, "
        "`throughline cluster down`; then run the same command again",
    ),
    Known(r"aiohttp\..*ClientResponseError", r"^4\d\d\b", "a server refuses the request", "correct the address"),
    Known(r"aiohttp\..*ClientError", "", "a connection was lost", f"see that the address answers, then {_AGAIN}", lost=True),
    Known(
        r"ray\.exceptions\.",
        r"[Aa]uthenticat|UNAUTHENTICATED|token",
        "Ray: the head takes another token",
        "set RAY_AUTH_TOKEN_PATH to the head's token file, or cluster.address to auto or local",
    ),
    Known(
        r"ray\.exceptions\.OutOfMemoryError",
        "",
        "Ray: a process was ended because the memory is full",
        "lower the stage's workers, threads or batch_size, or cluster.num_cpus, and run the same command again",
    ),
    Known(
        r"ray\.exceptions\.(\w*Died|\w*Crashed|RayActor|ActorUnavailable|NodeDied|LocalRayletDied|ObjectLost|OwnerDied|RaySystem|Rpc|Gcs)\w*Error",
        "",
        "Ray: a process or a machine was lost",
        _AGAIN,
        lost=True,
    ),
    Known(
        r"ray\.train\..*(WorkerGroupStartup|WorkerHealthCheck)",
        "",
        "Ray: the workers of the training were lost, or did not start",
        f"see that the cluster has the CPUs and GPUs (`ray status`), then {_AGAIN}",
        lost=True,
    ),
    Known(
        "ConnectionError|RuntimeError",
        r"Failed to connect to Ray cluster|No node info found",
        "Ray: its head answers, and none of its nodes",
        f"`throughline cluster down`, then {_AGAIN}",
        lost=True,
    ),
    Known(
        "Exception|OSError|RuntimeError|TimeoutError",
        r"node timed out during startup|AF_UNIX path length",
        "Ray does not start on this machine",
        "free memory and processors, see that TMPDIR is short, unset PYTHONOPTIMIZE, and run the same command again",
        lost=True,
    ),
    Known(
        "RuntimeError",
        r"cannot cache function .* no locator available",
        "machine code cannot be kept: its folder is not writable",
        "set NUMBA_CACHE_DIR to a folder of yours",
    ),
)


def plain(error: BaseException) -> PlainError | None:
    """The message for an error of a library; None: it is a fault of ours.

    Args:
        error: as raised; what it was caused by is looked at too.
    """
    for inner in _chain(error):
        names = [f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.") for kind in type(inner).__mro__]
        if "ray.exceptions.RayTaskError" in names and isinstance(getattr(inner, "cause", None), BaseException):
            continue  # its message is a whole traceback, in which any word may stand; its cause comes next
        said = " ".join(str(inner).split())
        for known in KNOWN:
            if any(re.match(known.kind, name) for name in names) and re.search(known.said, said):
                kind = ConnectionLost if known.lost else UserError
                return kind(f"{known.means} ({_short(said) or type(inner).__name__})\nnext: {known.advice}")
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that it came from (`cause`, `__cause__`, `orig`, a training's `worker_failures`), nearest first."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            yield each
            waiting += [getattr(each, "cause", None), each.__cause__, getattr(each, "orig", None)]
            waiting += list(getattr(each, "worker_failures", {}).values())


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."
