"""What libraries raise reaches the user as one message with what to do; what nobody knows keeps its traceback."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import NoCredentialsError
from mlflow.exceptions import MlflowException
from ray.exceptions import ActorDiedError, AuthenticationError, NodeDiedError, OutOfMemoryError, RayTaskError

from pipeline.errors import ConnectionLost, PlainError, UserError, plain_errors
from pipeline.library_errors import plain


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def locked(tmp_path: Path) -> sqlite3.OperationalError:
    """SQLite's own error where another connection holds a data base."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as holder, closing(sqlite3.connect(tmp_path / "mlflow.db", timeout=0)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("CREATE TABLE x (a)")
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind", "means", "advice"),
    [
        (sqlite3.DatabaseError("file is not a database"), UserError, "is damaged", "move it away"),
        (sqlite3.OperationalError("attempt to write a readonly database"), UserError, "cannot be written", "see who owns"),
        (sqlite3.OperationalError("no such table: experiments"), UserError, "another version, or no data base", "move the file away"),
        (MlflowException("Detected out-of-date database schema (found version 1)"), UserError, "older version", "mlflow db upgrade"),
        (MlflowException("Cannot set a deleted experiment 'x' as the active one"), UserError, "was deleted", "mlflow experiments restore"),
        (MlflowException("API request to http://127.0.0.1:9 failed with exception"), ConnectionLost, "does not answer", "see that it runs"),
        (MlflowException("(sqlite3.OperationalError) database is locked"), ConnectionLost, "another process holds", "fuser"),
        (MlflowException("(sqlite3.OperationalError) table runs already exists"), ConnectionLost, "at the same time", "same command again"),
        (ActorDiedError(), ConnectionLost, "a process or a machine was lost", "same command again"),
        (NodeDiedError("node 1"), ConnectionLost, "a process or a machine was lost", "same command again"),
        (AuthenticationError("Invalid token"), UserError, "takes another token", "RAY_AUTH_TOKEN_PATH"),
        (RayTaskError("f", "", NodeDiedError("node 1")), ConnectionLost, "a process or a machine was lost", "same command again"),
        (OutOfMemoryError("x"), UserError, "the memory is full", "lower the stage's workers"),
        (RuntimeError("cannot cache function 'f': no locator available for file"), UserError, "not writable", "NUMBA_CACHE_DIR"),
        (NoCredentialsError(), UserError, "has no credentials", "throughline cluster down"),
        (Exception("The current node timed out during startup."), ConnectionLost, "does not start", "unset PYTHONOPTIMIZE"),
        (
            ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:1"),
            ConnectionLost,
            "none of its nodes",
            "throughline cluster down",
        ),
        (caused(ValueError("x"), sqlite3.DatabaseError("database disk image is malformed")), UserError, "is damaged", "copy of it"),
    ],
)
def test_an_error_of_a_library_says_what_to_do(error: Exception, kind: type[PlainError], means: str, advice: str) -> None:
    found = plain(error)
    assert type(found) is kind
    message, _, following = str(found).partition("\nnext: ")
    assert means in message
    assert advice in following


def test_a_locked_data_base_ends_a_command_with_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop, plain_errors():
        raise locked(tmp_path)
    assert stop.value.code == 1
    assert capsys.readouterr().err.startswith("error: mlflow.tracking_uri: another process holds MLflow's data base (database is locked)\n")


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("shape mismatch"), MlflowException("Run 'x' not found"), OSError("x")])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert plain(error) is None
    with pytest.raises(type(error)), plain_errors():
        raise error


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: error.as_instanceof_cause()])
def test_words_in_the_traceback_of_a_fault_of_ours_do_not_make_it_one_of_a_library(wrap: Callable[[RayTaskError], Exception]) -> None:
    lines = 'File "id_decoder.py", line 9, in ask\n    newborn = self.token  # Connection refused, database is locked'
    assert plain(wrap(RayTaskError("f", lines, IndexError("out of range")))) is None
