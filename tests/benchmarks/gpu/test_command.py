"""The command on the CPU, on tiny shapes, with all that a machine lent for a GPU lacks out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ABSENT = (
    "ray pyarrow pandas cv2 PIL av mlflow dvc dvclive git sqlalchemy alembic safetensors ruamel fsspec upath lap rich typer torchvision "
    "matplotlib psutil transformers huggingface_hub timm optuna trackeval"
)
BLOCKED = f"""
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        absent = name.partition(".")[0] in {set(ABSENT.split())!r}
        return None if absent else self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)  # as on a machine where they were never installed
"""
MODULES = """
import importlib, pkgutil
import benchmarks.gpu
import models
for module in pkgutil.iter_modules(benchmarks.gpu.__path__, "benchmarks.gpu."):
    importlib.import_module(module.name)
for system in models.SYSTEMS:
    models.load(system), models.options(system)
try:
    import cv2
except ModuleNotFoundError:
    print("all imported, and nothing that is out of reach")
"""
LIGHT = {"walkers", "centertrack as walkers", "qdtrack_walkers", "fdta_walkers", "finetrack_walkers"}
PAPERS = {"mot17", "centertrack as mot17", "qdtrack_mot17", "qdtrack_bdd100k", "fdta_dancetrack", "finetrack_mot17"}
COMMAND = """
from benchmarks.__main__ import main
main(["gpu", *sys.argv[1:]])
"""


def test_all_that_the_command_imports_does_without_what_such_a_machine_lacks() -> None:
    assert run(MODULES, timeout=120).strip() == "all imported, and nothing that is out of reach"


@pytest.mark.slow
def test_every_part_runs_and_is_written(tmp_path: Path) -> None:
    told = run(COMMAND, "--device", "cpu", "--minutes", "14", "--out", str(tmp_path), timeout=900)
    found, page = json.loads((tmp_path / "gpu.json").read_text()), (tmp_path / "gpu.md").read_text()
    assert page in told
    headings = [line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")]
    assert headings == ["Training step", "Tracking", "Operators", "As on the CPU", "Feeding", "Aims"]

    rows = [row for part in ("steps", "forward", "operators", "parity") for row in found[part]]
    assert [(row["name"], row["failed"]) for row in rows if "failed" in row] == []
    assert [name for name in found["left_out"] if not name.endswith("(of a GPU alone)")] == []
    assert [row["operator"] for row in found["operators"] if not (row["same_bits"] and row["agrees"])] == []
    within = {row["name"]: row["within"] for row in found["parity"]}
    assert [name for name, each in within.items() if not (all(each.values()) if isinstance(each, dict) else each)] == []
    assert "walkers: two ranks on one device" in within
    timed = {row["preset"] for row in found["steps"] if "per_second" in row}
    assert timed == {row["preset"] for row in found["need"]} == LIGHT | PAPERS
    captured = [row for row in found["steps"] if row.get("variant") == "compiled"]
    assert [row["preset"] for row in captured] == ["walkers"]
    assert {row["preset"]: row["waits"] for row in found["steps"] if "waits" in row}["walkers"] == 0


def run(program: str, *words: str, timeout: float) -> str:
    """What a program prints where the modules of `ABSENT` cannot be imported."""
    told = subprocess.run([sys.executable, "-c", BLOCKED + program, *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert told.returncode == 0, told.stderr[-3000:]
    return told.stdout
