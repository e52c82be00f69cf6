"""A run is compared with the committed dvc.lock, output by output."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.artifacts import lock

STAGE = {"params": {"params.yaml": {"lr": 1}}, "deps": [{"path": "code", "md5": "c"}], "outs": [{"path": "artifacts/a", "md5": "a"}]}
STAGES = {"one": STAGE, "two": STAGE | {"outs": [{"path": "data/b", "md5": "b"}, {"path": "data/c", "md5": "c"}]}}


def changed(**parts: Any) -> dict[str, Any]:
    """The lock after a run whose second stage gave another data/b."""
    now = copy.deepcopy(STAGES)
    now["two"] = now["two"] | parts  # type: ignore[operator]
    now["two"]["outs"][0]["md5"] = "other"  # type: ignore[index]
    return now


def test_equal_outputs_are_counted() -> None:
    assert lock.compared(STAGES, STAGES) == ["3 of 3 outputs equal those of the committed dvc.lock"]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (changed(params={"params.yaml": {"lr": 2}}), "of other parameters"),
        (changed(deps=[{"path": "code", "md5": "d"}]), "of other code or inputs"),
        (changed(), "other bytes of the same parameters, code and inputs (times and names of runs, or another kind of processor"),
    ],
)
def test_what_differs_is_named_with_the_reason(now: dict[str, Any], reason: str) -> None:
    count, line = lock.compared(STAGES, now)
    assert count.startswith("2 of 3 outputs")
    assert line.startswith(f"  {reason}")
    assert line.endswith(": data/b")


def test_what_was_never_committed_is_said() -> None:
    assert lock.compared({"one": STAGE}, STAGES)[1] == "  not in the committed one: data/b, data/c"


def test_the_committed_file_counts_not_the_one_that_a_run_wrote(tmp_path: Path) -> None:
    assert lock.committed(tmp_path) is None
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": STAGES}))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True, timeout=30)
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": changed()}))
    before, now = lock.committed(tmp_path), lock.current(tmp_path)
    assert before == STAGES
    assert now is not None
    assert lock.compared(before, now)[0].startswith("2 of 3")
