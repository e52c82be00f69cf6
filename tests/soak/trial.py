"""One fault and what came of it: the command, what it advised, and whether the undisturbed bytes are there."""

from __future__ import annotations

import random
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.soak.commands import HUNG, Commands, End, Head, Running, busy
from tests.soak.ground import Ground

ATTEMPTS = 5
LEAVE_SECONDS = 10.0  # in which everything of an ended command must be gone
FIRST_GUESS = 20.0  # seconds of a stage before one was seen
BLOCKED = "it is being blocked by"  # DVC's word on another of its commands
GOOD = ("went on", "same command again", "as advised")


@dataclass(frozen=True)
class Struck:
    """A fault that struck.

    Attributes:
        where: what was hit, and when.
        command: the command under way.
        again: starts the same command again.
        mend: what only the world can do, such as to free a disk; done once a message asks for it, or before the command is run again.
        others: further commands that must come to an end.
    """

    where: str
    command: Running
    again: Callable[[], Running]
    mend: Callable[[], None] = lambda: None
    others: tuple[Running, ...] = ()


@dataclass
class Trial:
    """What a fault needs.

    Attributes:
        rng: of this fault alone.
        ground: the clone.
        commands: start things in it.
        head: its Ray head.
        seconds: how long each stage took of late, undisturbed.
        services: servers that outlive a fault, by name.
    """

    rng: random.Random
    ground: Ground
    commands: Commands
    head: Head
    seconds: dict[str, float]
    services: dict[str, Any] = field(default_factory=dict)

    def start(self, stage: str, *arguments: str) -> Running:
        """Start a stage."""
        return self.commands.stage(stage, *arguments)

    def usual(self, stage: str) -> float:
        """Seconds that a stage takes undisturbed; the first time it is run for that, which brings the clone back to where it was."""
        if stage not in self.seconds:
            self.ground.forget(stage)
            running = self.start(stage)
            end = running.end(FIRST_GUESS)
            assert end.status == 0, end.said
            self.seconds[stage] = time.monotonic() - running.begun
            assert not self.ground.differences(), f"{stage} undisturbed: {self.ground.differences()}"
            self.ground.restore()
        return self.seconds[stage]

    def wait_within(self, running: Running, seconds: float) -> bool:
        """Wait a random part of some seconds; whether the command still runs then."""
        until = time.monotonic() + self.rng.uniform(0.0, seconds)
        while time.monotonic() < until and running.poll() is None:
            time.sleep(0.02)
        return running.poll() is None


def judge(trial: Trial, struck: Struck) -> dict[str, Any]:
    """Follow what the command says until it is done, then compare everything.

    Returns:
        Plain data: where, outcome, detail (the last message before the end), seconds, busy.
    """
    begun = time.monotonic()
    outcome, detail = _ended(trial, struck)
    for other in struck.others:
        if outcome in GOOD and (end := other.end(FIRST_GUESS)).status:
            outcome, detail = (_fault_of(end) or outcome), _message(end)
    if outcome in GOOD and (different := trial.ground.differences()):
        outcome, detail = _made_again(trial, different, outcome, detail)
    seconds = time.monotonic() - begun
    if outcome in GOOD and (left := _left(trial)):
        outcome, detail = "left a process", left
    return {"where": struck.where, "outcome": outcome, "detail": detail, "seconds": round(seconds, 1), "busy": round(busy(), 1)}


def _ended(trial: Trial, struck: Struck) -> tuple[str, str]:
    """The command is run again, and its advice followed, until it ends well."""
    outcome, detail, running = "went on", "", struck.command
    for _ in range(ATTEMPTS):
        end = running.end(FIRST_GUESS)
        if fault := _fault_of(end):
            return fault, _message(end)
        struck.mend()
        if end.status == 0:
            return outcome, detail
        if BLOCKED in end.said:
            for other in struck.others:
                other.end(FIRST_GUESS)
        detail, further = _message(end), _follow(trial, end)
        if further is None:
            return "advice that helps nothing", detail
        outcome = "as advised" if further or outcome == "as advised" else "same command again"
        running = struck.again()
    return "no end", detail


def _made_again(trial: Trial, different: list[str], outcome: str, detail: str) -> tuple[str, str]:
    """Damage that the command did not have to read: the stage that made it makes it again."""
    stages = {trial.ground.producer(name) for name in different} - {None}
    for stage in sorted(stages, key=list(trial.ground.outputs).index):
        end = trial.start(str(stage)).end(FIRST_GUESS)
        if fault := _fault_of(end):
            return fault, _message(end)
        if end.status:
            return "advice that helps nothing", _message(end)
    left = trial.ground.differences()
    return (f"other bytes: {', '.join(left[:3])}", detail) if left else (outcome, detail or f"then {stages} made it again")


def _fault_of(end: End) -> str | None:
    if end.status == HUNG:
        return "hung"
    return "a traceback" if re.search(r"^Traceback \(most recent call last\)", end.said, re.M) and end.status else None


def _message(end: End) -> str:
    """The last words that are a message: what happened, and what to do next."""
    lines = [line for line in end.said.splitlines() if line.strip()]
    at = max((index for index, line in enumerate(lines) if line.startswith("next: ")), default=len(lines) - 1)
    return "\n".join(lines[max(0, at - 2) : at + 1])[-600:] or f"status {end.status}"


def _follow(trial: Trial, end: End) -> bool | None:
    """Do what a message advises besides the same command again.

    Returns:
        Whether there was something to do; None: it says nothing that a program can do.
    """
    advice = "\n".join(re.findall(r"^next: (.*(?:\n  .*)*)", end.said, re.M))
    done = False
    for words in re.findall(r"`((?:dvc repro|kill -CONT|throughline)[^`]*)`", advice):
        for word in [shlex.split(words)]:
            followed = trial.commands.program(["/bin/kill", *word[1:]] if word[0] == "kill" else word).end(3 * FIRST_GUESS)
            if followed.status:
                end.said = followed.said
                return None
            done = True
    if re.search(r"move (it|the file) away", advice):
        for path in trial.ground.clone.glob("mlflow.db*"):
            path.rename(path.with_name(f"aside-{path.name}"))
        return True
    understood = re.search(r"same command again|run again|free space|file that you may read|who owns", advice)
    if re.search(r"you may read|who owns|permission", advice):
        trial.commands.program(["chmod", "-R", "u+rwX", "data", "artifacts", ".throughline", "mlruns", "mlflow.db"]).end(60)
        return True
    killed = end.status < 0 or end.status == 137 or "Unable to acquire lock" in end.said or BLOCKED in end.said
    return True if done else False if understood or killed else None


def _left(trial: Trial) -> str:
    """Processes that nothing accounts for, once they had the time to go."""
    allowed = trial.head.family() | {service.pid for service in trial.services.values() if hasattr(service, "pid")}
    deadline = time.monotonic() + LEAVE_SECONDS * busy()
    while left := trial.commands.left(allowed):
        if time.monotonic() > deadline:
            said = ", ".join(" ".join(each.cmdline())[:60] for each in left)
            for each in left:
                each.kill()
            return said
        time.sleep(0.5)
    return ""
