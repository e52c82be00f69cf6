"""Code that was shown to change nothing: rows measured before such a change stay fresh.

A trial's fingerprint covers every file that it stands on, so that tidying one makes all rows stale, though their values would come out
the same. Training is deterministic: where some trials, trained anew on the new code, give the very metrics of the old, the two are taken
to be equal for all. That is kept in a committed file with the trials that showed it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import closure
from pipeline.errors import UserError
from pipeline.store import write_text

STARTS = ("stages/pretrain.py", "stages/finetune.py", "pipeline/experiments/observing.py", "pipeline/experiments/judging.py")
_ASK = """
import json, sys
from pipeline import closure
print(json.dumps({start: closure.digest(start, closure.ROOT) for start in sys.argv[1:]}))
"""

Code = dict[str, str]  # file that a step starts with -> digest of all that it stands on


@dataclass(frozen=True)
class Equivalence:
    """Two states of the code with one outcome.

    Attributes:
        code: the newer one.
        same_as: the older one.
        verified: labels of the trials that gave equal metrics.
        commit: of the newer one.
    """

    code: Code
    same_as: Code
    verified: list[str]
    commit: str


class Equivalences:
    """The entries of a file.

    Args:
        path: the file; it may be missing.

    Raises:
        UserError: the file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.entries = [Equivalence(**item) for item in json.loads(path.read_text())] if path.is_file() else []
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not a list of equal states of the code ({error})\nnext: restore it from git") from None

    def states(self, code: Code) -> list[Code]:
        """This state of the code, and the older ones that were shown to be equal to it, directly or through others."""
        found = [code]
        for state in found:  # grows while it is walked
            found += [entry.same_as for entry in self.entries if entry.code == state and entry.same_as not in found]
        return found

    def add(self, entry: Equivalence) -> None:
        """Append an entry and write the file."""
        self.entries.append(entry)
        write_text(self.path, json.dumps([asdict(item) for item in self.entries], indent=1, sort_keys=True) + "\n")


def current() -> Code:
    """The state of the code that runs."""
    return {start: closure.digest(start, closure.ROOT) for start in STARTS}


def of_commit(commit: str, root: Path) -> Code:
    """The state of the code at a commit, by that commit's own rules of what stands on what.

    Raises:
        UserError: the commit is not here, or cannot say.
    """
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "-C", str(root), "archive", commit], capture_output=True)
        if packed.returncode:
            raise UserError(f"commit {commit} is not in this clone\nnext: `git fetch --unshallow`, or let the rows run again")
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        asked = subprocess.run(
            [sys.executable, "-c", _ASK, *STARTS], cwd=folder, env={"PYTHONPATH": folder}, capture_output=True, text=True
        )
        if asked.returncode:
            raise UserError(f"commit {commit} does not say what its trials stand on: {asked.stderr.strip().splitlines()[-1]}")
        return dict(json.loads(asked.stdout))


def differing(before: Mapping[str, float], after: Mapping[str, float]) -> Sequence[str]:
    """Metrics that differ in any digit, in words."""
    names = sorted({*before, *after})
    return [f"{name} {before.get(name)} -> {after.get(name)}" for name in names if before.get(name) != after.get(name)]
