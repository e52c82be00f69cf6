"""A head that is gone ends the process with a message, and nothing else does."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from pipeline.runtime import head_watch
from tests.shared import ROOT


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_watch, "POLL_SECONDS", 0.01)


def test_a_head_that_answers_is_left_alone_and_one_that_is_gone_is_told_of(fast: None) -> None:
    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with head_watch.watched(address, lambda _: gone.set()):
            assert not gone.wait(0.3)
            server.close()
            assert gone.wait(10)


def test_nothing_is_told_after_the_block(fast: None) -> None:
    gone = threading.Event()
    with head_watch.watched("127.0.0.1:9", lambda _: gone.set()):
        pass
    assert not gone.wait(0.3)


def test_the_message_says_what_to_do() -> None:
    code = "from pipeline.runtime.head_watch import _end; _end('127.0.0.1:6379')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("error: Ray: the head at 127.0.0.1:6379 is gone\nnext: run the same command again; finished parts are kept\n")
