"""How a process of ours ends: on a signal with its work closed, and with the process that started it.

`dvc` leaves its stage running when it is killed, and GNU make its recipe. So a stage that DVC started watches DVC, through the shell that
DVC starts it by, and `throughline repro` runs DVC in a process group of its own, which it ends with itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
UNWIND_SECONDS = 8.0  # for closing Ray and the MLflow run
GROUP_SECONDS = 4.0  # for a group of processes to end by itself
POLL_SECONDS = 0.5
DVC_STAGE = "DVC_STAGE"  # which DVC sets for the commands of stages
_PR_SET_PDEATHSIG = 1
_SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh"}


def end_on_signals(name: str) -> None:
    """Let SIGTERM, SIGINT and SIGHUP end this process with a line, its open blocks closed first, within some seconds.

    A stage that DVC started is sent SIGTERM when DVC is gone.

    Args:
        name: of what runs, for the line.
    """

    def end(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        word = signal.Signals(number).name
        print(f"{name}: ended by {word}; finished parts are kept\nnext: run the same command again", file=sys.stderr, flush=True)
        limit = threading.Timer(UNWIND_SECONDS, os._exit, [128 + number])
        limit.daemon = True
        limit.start()
        raise SystemExit(128 + number)

    for each in _heeded():
        signal.signal(each, end)
    if DVC_STAGE in os.environ:
        threading.Thread(target=_watch_parent, daemon=True).start()


@contextmanager
def signals_kept() -> Iterator[None]:
    """Give back, after the block, the handlers of the signals that end this process; `ray.init` puts its own in the place of SIGTERM's."""
    if threading.current_thread() is not threading.main_thread():  # where Python lets nobody set a handler
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            if handler is not None:  # None: somebody else's than Python's
                signal.signal(each, handler)


def supervised(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command in a process group of its own, which ends when this process is told to end, or is killed.

    Args:
        command: what to run.
        folder: where.
        environment: its variables.

    Returns:
        The command's exit status; 128 and the signal's number where a signal ended it.
    """
    end_with_parent()
    told: list[int] = []
    for each in _heeded():
        signal.signal(each, lambda number, _: told.append(number))
    with subprocess.Popen(command, cwd=folder, env=dict(environment), start_new_session=True, preexec_fn=end_with_parent) as process:
        while process.poll() is None and not told:
            time.sleep(0.1)
        if told:
            _end_group(process)
        status = process.wait()
    return 128 + told[0] if told else status if status >= 0 else 128 - status


def end_with_parent() -> None:
    """Let the kernel send this process SIGTERM when the thread that started it is gone (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _heeded() -> list[signal.Signals]:
    """The signals that end this process; under `nohup` SIGHUP does not."""
    return [each for each in SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process with its group, and with those below it that left the group."""
    import psutil

    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        below = []
    _signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + GROUP_SECONDS
    while time.monotonic() < deadline and (process.poll() is None or any(_stat(each.pid) for each in below)):
        time.sleep(0.1)
    _signal_group(process.pid, signal.SIGKILL)
    for each in below:
        with suppress(psutil.Error):
            each.kill()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _watch_parent() -> None:
    """Send this process SIGTERM once the first process above it that is no shell is gone."""
    above = _above(os.getpid())
    while above is not None and above[0] in _SHELLS:
        above = _above(above[1])
    if above is None:
        return
    _, process, begun = above
    while (now := _stat(process)) is not None and now[2] == begun:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _above(process: int) -> tuple[str, int, str] | None:
    """Name, number and start of a process's parent."""
    found = _stat(process)
    parent = None if found is None else _stat(found[1])
    return None if found is None or parent is None else (parent[0], found[1], parent[2])


def _stat(process: int) -> tuple[str, int, str] | None:
    """Name, parent and start of a process that lives."""
    try:
        head, _, tail = Path("/proc", str(process), "stat").read_text().rpartition(")")
    except OSError:
        return None
    fields = tail.split()
    return None if fields[0] == "Z" else (head.partition("(")[2], int(fields[1]), fields[19])
