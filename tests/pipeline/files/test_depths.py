from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.depths import DepthRow, DepthWriter, depth_facts, read_depths


def write(path: Path, count: int, size: int = 10) -> Path:
    with DepthWriter(path, {"sequence": "s"}) as writer:
        for frame in range(1, count + 1):
            writer.write(DepthRow("d", "s", frame, b"x" * size, 0.5, np.full(frame % 3, frame, np.float32)))
        writer.summary["errors"] = {"factor": 2.0}
    return path


def test_rows_come_back_from_any_start(tmp_path: Path) -> None:
    path = write(tmp_path / "s.parquet", 30, size=100_000)  # several row groups
    assert [row.frame for row in read_depths(path)] == list(range(1, 31))
    assert [row.frame for row in read_depths(path, first=17)] == list(range(18, 31))
    first = next(read_depths(path, first=1))
    assert first.object_depths.dtype == np.float32
    assert first.object_depths.tolist() == [2.0, 2.0]
    assert (first.scale, len(first.depth)) == (0.5, 100_000)


def test_facts_hold_what_was_known_before_and_after(tmp_path: Path) -> None:
    facts = depth_facts(write(tmp_path / "s.parquet", 3))
    assert (facts["sequence"], facts["frames"], facts["errors"]) == ("s", 3, {"factor": 2.0})


def test_a_missing_and_a_broken_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such depth file"):
        next(read_depths(tmp_path / "s.parquet"))
    (tmp_path / "s.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match="not a readable Parquet file"):
        depth_facts(tmp_path / "s.parquet")


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.parquet", 9).read_bytes() == write(tmp_path / "b.parquet", 9).read_bytes()
