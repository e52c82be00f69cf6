"""One `dvc repro` or `dvc exp run` as a run of MLflow, which the runs of its stages lie below.

No stage knows whether it is the last one, so the run is RUNNING while a stage is and ends with each; FAILED stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPRODUCTION = "throughline.reproduction"  # tag: which command of DVC
STAGE = "reproduction"  # what stands for a stage's name in these runs' tags
DVC_STAGE, DVC_EXP_NAME = "DVC_STAGE", "DVC_EXP_NAME"  # environment variables that DVC sets for its stages
START = 21  # place of the start time in /proc/<pid>/stat, counted from 0
AFTER_NAME = 2  # of which so many stand before the closing parenthesis of the name
NAMED, MOST_WORD = 3, 40  # parameters that a name tells, and characters of each


@dataclass(frozen=True)
class Reproduction:
    """A command of DVC that runs stages.

    Attributes:
        process: its number on this machine.
        key: tells it from every other on this machine, also where the number is used again.
        experiment: name that DVC gave the experiment; None for `dvc repro`.
    """

    process: int
    key: str
    experiment: str | None

    @property
    def title(self) -> str:
        """What its run is called at least."""
        return "repro" if self.experiment is None else f"exp {self.experiment}"


def current() -> Reproduction | None:
    """The command of DVC that started this process; None where none did, or the machine has no /proc to tell it."""
    if DVC_STAGE not in os.environ:
        return None
    process = os.getppid()
    while process > 1:
        folder = Path("/proc", str(process))
        try:
            stage = DVC_STAGE.encode() + b"="
            inside = any(entry.startswith(stage) for entry in (folder / "environ").read_bytes().split(b"\0"))
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if not inside:
            name = os.environ.get(DVC_EXP_NAME)
            return Reproduction(process, f"{process}:{fields[START - AFTER_NAME]}:{name or ''}", name)
        process = int(fields[3 - AFTER_NAME])
    return None


@contextmanager
def running(client: Any, run_id: str) -> Iterator[None]:
    """Let the run of a command of DVC be RUNNING while one of its stages is, and FAILED for good when one fails."""
    failed = client.get_run(run_id).info.status == "FAILED"
    client.update_run(run_id, status="RUNNING")
    try:
        yield
    except BaseException:
        failed = True
        raise
    finally:
        client.set_terminated(run_id, "FAILED" if failed else "FINISHED")


def changes(now: Mapping[str, str], before: Mapping[str, str]) -> str:
    """What differs between the parameters of two runs, as a name: `iou_limit=0.8, refind=off, 3 more`; empty where nothing does."""
    differing = [key for key in now if key in before and now[key] != before[key]]
    named = [f"{_short(key, now)}={now[key]}"[:MOST_WORD] for key in differing[:NAMED]]
    return ", ".join(named + [f"{len(differing) - NAMED} more"] * (len(differing) > NAMED))


def _short(key: str, keys: Mapping[str, str]) -> str:
    """The last word of a dotted key, or the last two where another key ends the same."""
    last = key.rpartition(".")[2]
    alone = sum(other == last or other.endswith(f".{last}") for other in keys) == 1
    return last if alone else ".".join(key.split(".")[-2:])
