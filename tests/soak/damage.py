"""Faults of files: a bit, an end, a file or its permission goes, and the stage that made or reads it is run."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.soak.trial import Struck, Trial

LAST = "report"  # the stage that reads almost everything


def flip(path: Path, rng: random.Random) -> str:
    """Turn one bit over."""
    content = bytearray(path.read_bytes())
    at = rng.randrange(len(content) * 8)
    content[at // 8] ^= 1 << at % 8
    path.write_bytes(content)
    return f"bit {at} turned over"


def truncate(path: Path, rng: random.Random) -> str:
    """Cut the end off."""
    size = rng.randrange(path.stat().st_size)
    os.truncate(path, size)
    return f"cut to {size} bytes"


def remove(path: Path, _: random.Random) -> str:
    """Remove the file."""
    path.unlink()
    return "removed"


def forbid(path: Path, _: random.Random) -> str:
    """Take every permission away."""
    path.chmod(0)
    return "permissions taken away"


HOW = {"bit flip": flip, "truncation": truncate, "removal": remove, "permissions": forbid}


def damage(trial: Trial, kind: str) -> Struck | None:
    """Damage a file, then run its stage or one behind it."""
    ground, rng = trial.ground, trial.rng
    groups: dict[str, list[str]] = {}
    for name in ground.files():
        if (ground.clone / name).stat().st_size:
            groups.setdefault("/".join(name.split("/")[:2]), []).append(name)
    name = rng.choice(groups[rng.choice(sorted(groups))])  # each artefact as often as another, however many files it has
    how = HOW[kind](ground.clone / name, rng)
    producer = ground.producer(name)
    stages = list(ground.outputs)
    candidates = stages if producer is None else [producer, producer, *stages[stages.index(producer) + 1 :]]
    stage = rng.choice([each for each in candidates if each != LAST] or [LAST])
    return Struck(f"{name}, {how}; then {stage}", trial.start(stage), lambda: trial.start(stage))
