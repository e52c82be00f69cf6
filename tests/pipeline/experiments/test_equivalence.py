"""States of the code that were shown to be equal, and what a commit's trials stand on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.experiments.equivalence import STARTS, Code, Equivalence, Equivalences, current, differing, of_commit
from tests.shared import ROOT


def state(name: str) -> Code:
    return dict.fromkeys(STARTS, name)


def test_states_are_equal_through_others(tmp_path: Path) -> None:
    path = tmp_path / "equal.json"
    known = Equivalences(path)
    known.add(Equivalence(state("b"), state("a"), ["UTrack"], "1"))
    known.add(Equivalence(state("c"), state("b"), ["UTrack"], "2"))
    again = Equivalences(path)
    assert again.states(state("c")) == [state("c"), state("b"), state("a")]
    assert again.states(state("a")) == [state("a")], "an older state does not vouch for a newer one"
    path.write_text('[{"code": 1}]')
    with pytest.raises(UserError, match=r"equal.json: not a list of equal states"):
        Equivalences(path)


def test_every_digit_counts() -> None:
    assert differing({"MOTA": 70.1, "R1": 50.0}, {"MOTA": 70.1, "R1": 50.0}) == []
    assert differing({"MOTA": 70.1, "R1": 50.0}, {"MOTA": 70.1 + 1e-13}) == [f"MOTA 70.1 -> {70.1 + 1e-13}", "R1 50.0 -> None"]


def test_a_commit_says_what_its_trials_stood_on(tmp_path: Path) -> None:
    for folder in ("pipeline", "models", "stages"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))

    def git(*words: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    first = git("rev-parse", "HEAD")
    with (tmp_path / "pipeline" / "augment.py").open("a") as stream:
        stream.write("# changed\n")
    git("commit", "--quiet", "--all", "--message", "two")
    assert of_commit(first, tmp_path) == current()
    later = of_commit(git("rev-parse", "HEAD"), tmp_path)
    assert [start for start in STARTS if later[start] != current()[start]] == ["stages/pretrain.py", "stages/finetune.py"]
    with pytest.raises(UserError, match="commit 0123456789 is not in this clone"):
        of_commit("0123456789", tmp_path)
