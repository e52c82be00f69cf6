from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.startup import prepared


@pytest.mark.slow
def test_a_prepared_copy_has_nothing_to_do_and_notices_a_change(tmp_path: Path) -> None:
    dvc = [str(Path(sys.executable).with_name("dvc")), "status", "dvc.yaml"]
    root = prepared(tmp_path / "copy")
    assert "up to date" in subprocess.run(dvc, cwd=root, capture_output=True, text=True, check=True).stdout
    (root / "stages" / "report.py").write_text("changed")
    assert "report" in subprocess.run(dvc, cwd=root, capture_output=True, text=True, check=True).stdout
