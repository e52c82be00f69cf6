"""Observations come back as they went."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.observations import Observation, ObservationWriter, read_observations


def observation(frame: int, detections: int, objects: int, dimension: int = 3) -> Observation:
    random = np.random.default_rng(frame)
    return Observation(
        frame=frame,
        boxes=random.random((detections, 4), np.float32),
        scores=random.random(detections, np.float32),
        identities=np.arange(objects),
        visibilities=random.random(objects, np.float32),
        embeddings=random.random((objects, dimension), np.float32),
        recovered=np.arange(detections // 2),
    )


def write(path: Path, items: list[Observation]) -> None:
    with ObservationWriter(path, sequence="a") as writer:
        for item in items:
            writer.write(item)


@pytest.mark.parametrize("dimension", [3, 0])
def test_round_trip_over_row_groups(tmp_path: Path, dimension: int) -> None:
    items = [observation(frame, frame % 4, frame % 3, dimension) for frame in range(1, 150)]
    write(tmp_path / "a.parquet", items)
    found = list(read_observations(tmp_path / "a.parquet"))
    assert len(found) == len(items)
    for ours, theirs in zip(found, items, strict=True):
        for name, value in vars(theirs).items():
            np.testing.assert_array_equal(getattr(ours, name), value)
            assert np.shape(getattr(ours, name)) == np.shape(value)


def test_no_frames_is_a_valid_file(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [])
    assert list(read_observations(tmp_path / "a.parquet")) == []


def test_equal_observations_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [observation(frame, 5, 2) for frame in range(1, 9)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro track"):
        list(read_observations(tmp_path / "a.parquet"))
