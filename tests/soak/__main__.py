"""`make soak`: SOAK_MINUTES of faults (20), numbered on from docs/faults.json; SOAK_SEED (317) and the number decide each.

SOAK_FOLDER keeps the clone between runs (.throughline/soak), SOAK_ONLY names the kinds to draw from, LIBFAKETIME the folder of that
library where it is not installed.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.s3 import s3_server
from tests.shared import ROOT
from tests.soak import damage, ledger, signals, surroundings
from tests.soak.commands import Commands, Head
from tests.soak.ground import Ground, commit
from tests.soak.mlflow_service import Server
from tests.soak.proxy import Proxy
from tests.soak.trial import GOOD, Struck, Trial, judge

Fault = Callable[[Trial], Struck | None]
DAMAGES = 5  # of these for one of each other kind: they cost the least
TARGETS = ("stage", "worker", "rank", "loader", "raylet", "gcs_server", "dvc")


def faults() -> dict[str, Fault]:
    """What may happen, by name."""
    found: dict[str, Fault] = {}
    for kind in damage.HOW:
        found[f"{kind} of a file"] = lambda trial, kind=kind: damage.damage(trial, kind)
    for name in ("SIGKILL", "SIGTERM", "SIGSTOP"):
        for target in TARGETS:
            found[f"{name} of {target}"] = lambda trial, target=target, name=name: signals.hit(trial, target, name)
    for name in ("SIGKILL", "SIGSTOP"):
        found[f"{name} of MLflow's server"] = lambda trial, name=name: surroundings.server(trial, name)
    found["full disk"] = surroundings.full_disk
    found["clock moved"] = surroundings.clock
    found["store fails 5 % of its calls"] = lambda trial: surroundings.store(trial, "fails")
    found["store stalls"] = lambda trial: surroundings.store(trial, "stalls")
    found["two `dvc repro` at once"] = signals.twice
    return found


def main() -> int:
    """Faults until the minutes are over; the exit status says whether any of them ended otherwise than it should."""
    minutes, seed = float(os.environ.get("SOAK_MINUTES", "20")), int(os.environ.get("SOAK_SEED", "317"))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what was started ends with it
    until, bad, code = time.monotonic() + 60 * minutes, 0, commit()
    with prepared(Path(os.environ.get("SOAK_FOLDER", ROOT / ".throughline" / "soak")).resolve()) as trial:
        number = max((each["number"] for each in ledger.read()), default=-1)
        while time.monotonic() < until:
            number += 1
            entry = one(trial, number, seed, code)
            if entry is not None:
                ledger.add(entry)
                bad += entry["outcome"] not in GOOD
                print(f"{number}: {entry['fault']}: {entry['where']}: {entry['outcome']}, {entry['seconds']:.0f} s", flush=True)
    ledger.PAGE.write_text(ledger.page(ledger.read()))
    return int(bad > 0)


def one(trial: Trial, number: int, seed: int, code: str) -> dict[str, Any] | None:
    """Let one fault happen and judge what comes of it; None where it came too late."""
    trial.rng = random.Random(f"{seed} {number}")
    known = faults()
    only = [name for name in known if any(word in name for word in os.environ.get("SOAK_ONLY", "").split(",") if word)]
    names = only or [name for name in known for _ in range(DAMAGES if name.endswith("of a file") else 1)]
    kind = names[random.Random(f"{seed} {number // len(names)}").sample(range(len(names)), len(names))[number % len(names)]]
    surroundings.unmount(trial)
    trial.ground.restore()
    trial.services["proxy"].mend()
    trial.head.up()
    struck = known[kind](trial)
    if struck is None:
        print(f"{number}: {kind}: the command had ended, or nothing here can do that", flush=True)
        return None
    found = judge(trial, struck)
    return {"number": number, "seed": seed, "commit": code, "fault": kind, **found}


@contextmanager
def prepared(folder: Path) -> Iterator[Trial]:
    """The clone, the warm process, the head and the servers."""
    folder.mkdir(parents=True, exist_ok=True)
    ground = Ground(folder)
    ground.prepare()
    with s3_server() as s3:
        os.environ |= s3  # for the comparison, which goes around the proxy
        proxy = Proxy(s3["AWS_ENDPOINT_URL"].removeprefix("http://"))
        ground.environment |= s3 | {"AWS_ENDPOINT_URL": proxy.address}  # before a head starts, whose workers inherit it
        commands = Commands(ground)
        head, server = Head(commands, ground), Server(commands, ground)
        trial = Trial(random.Random(), ground, commands, head, {})
        trial.services |= {"proxy": proxy, "s3": s3 | {"AWS_ENDPOINT_URL": proxy.address}, "mlflow": server}
        try:
            yield trial
        finally:
            surroundings.unmount(trial)
            server.down()
            head.down()
            commands.close()


if __name__ == "__main__":
    sys.exit(main())
