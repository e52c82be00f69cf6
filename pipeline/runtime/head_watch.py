"""Whether Ray's head still answers, asked once per second while a process works.

Ray itself looks for a head that was killed for a minute, and then ends the process from within, with a line of its own and no message.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import ConnectionLost

POLL_SECONDS = 1.0
REFUSALS = 10  # in a row: a head that a cluster starts again is back by then, or is not waited for


def _end(address: str) -> None:
    """End this process with a message; Ray's calls wait for the head and let nothing else end it."""
    print(
        f"error: Ray: the head at {address} is gone\nnext: run the same command again; finished parts are kept",
        file=sys.stderr,
        flush=True,
    )
    os._exit(ConnectionLost.status)


@contextmanager
def watched(address: str, end: Callable[[str], None] = _end) -> Iterator[None]:
    """Ask for the head's port during the block, in a thread.

    Args:
        address: `host:port` of the head.
        end: what is done with the address once the port refused `REFUSALS` times in a row.
    """
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(address, end, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _watch(address: str, end: Callable[[str], None], done: threading.Event) -> None:
    host, _, port = address.rpartition(":")
    refusals = 0
    while not done.wait(POLL_SECONDS):
        try:
            socket.create_connection((host.strip("[]"), int(port)), POLL_SECONDS).close()
            refusals = 0
        except ConnectionRefusedError:  # nobody listens; a machine that is busy or stopped is another thing
            refusals += 1
        except OSError:
            continue
        if refusals >= REFUSALS and not done.is_set():
            end(address)
            return
