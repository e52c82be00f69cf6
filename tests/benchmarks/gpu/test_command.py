"""The command on tiny shapes on the CPU, with all that a machine for a GPU lacks out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]
ABSENT = "ray pyarrow cv2 mlflow dvc safetensors ruamel fsspec upath lap av rich typer torchvision matplotlib psutil transformers optuna"
PROGRAM = f"""
import sys
for name in {ABSENT!r}.split():
    sys.modules[name] = None  # an import of it fails
from benchmarks.__main__ import main
main(["gpu", *sys.argv[1:]])
"""


@pytest.mark.slow
def test_everything_runs_without_what_is_not_needed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PROGRAM, "--device", "cpu", "--minutes", "4", "--out", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=600)
    found = json.loads((tmp_path / "gpu.json").read_text())
    rows = [row for part in ("steps", "forward", "operators", "parity") for row in found[part]]
    failed = {row["name"].split(": ")[-1]: row["failed"] for row in rows if "failed" in row}
    assert all(name.startswith(("compiled", "CUDA graph", "waits")) for name in failed), failed  # of a GPU alone
    assert [row["operator"] for row in found["operators"] if not (row["same_bits"] and row["agrees"])] == []
    assert [row["name"] for row in found["parity"] if "within" in row and row["within"] is False] == []
    assert {row["preset"] for row in found["need"]} == {row["preset"] for row in found["steps"] if "per_second" in row}
    assert "### Training step" in (tmp_path / "gpu.md").read_text()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="only CUDA tells where the host waits for the device")
def test_a_step_of_the_first_preset_waits_nowhere() -> None:
    from benchmarks.gpu.cases import cases
    from benchmarks.gpu.steps import waits

    found = waits(cases(tiny=True)[0], torch.device("cuda"))
    assert found["lines"] == {}
