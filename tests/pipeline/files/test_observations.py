"""Observations come back as they went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from pipeline.contract.detections import Detections
from pipeline.errors import UserError
from pipeline.files import schema
from pipeline.files.observations import Observation, ObservationWriter, read_observations, read_sequence

FACTS: dict[str, Any] = {"sequence": "a", "width": 64, "height": 48, "frame_rate": 12.5}


@dataclass(frozen=True)
class Richer(Detections):
    """Detections of a model that tells more: (P, 2) points that belong to the frame, and (N, 0) nothings."""

    points: NDArray[np.float32]
    nothings: NDArray[np.float32]


def observation(frame: int, detections: int, objects: int, dimension: int = 3, *, public: bool = True) -> Observation:
    random = np.random.default_rng(frame)
    seen = Richer(
        random.random((detections, 4), np.float32),
        random.random(detections, np.float32),
        random.random((detections, dimension), np.float32),
        random.random((frame % 5, 2), np.float32),
        np.zeros((detections, 0), np.float32),
    )
    return Observation(
        frame=frame,
        detections=seen,
        identities=np.arange(objects),
        visibilities=random.random(objects, np.float32),
        embeddings=random.random((objects, dimension), np.float32),
        public=random.random((frame % 3, 4), np.float32) if public else None,
    )


def write(path: Path, items: Sequence[Observation]) -> None:
    with ObservationWriter(path, **FACTS) as writer:
        for item in items:
            writer.write(item)


def same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    assert vars(ours).keys() == vars(theirs).keys()
    for name, value in vars(theirs).items():
        if isinstance(value, Detections):
            same(getattr(ours, name), value)
        elif value is None:
            assert getattr(ours, name) is None
        else:
            np.testing.assert_array_equal(getattr(ours, name), value, strict=not isinstance(value, int))


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("dimension", [3, 0])
def test_round_trip_over_row_groups(tmp_path: Path, dimension: int, public: bool) -> None:
    items = [observation(frame, frame % 4, frame % 3, dimension, public=public) for frame in range(1, 150)]
    write(tmp_path / "a.parquet", items)
    found = read_sequence(tmp_path / "a.parquet", Richer)
    assert (found.name, found.width, found.height, found.frame_rate, len(found.frames)) == ("a", 64, 48, 12.5, 149)
    for ours, theirs in zip(found.frames, items, strict=True):
        same(ours, theirs)


def test_plain_detections_can_be_read_of_any_model(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [observation(1, 3, 2)])
    (found,) = read_observations(tmp_path / "a.parquet")
    assert type(found.detections) is Detections
    np.testing.assert_array_equal(found.detections.boxes, observation(1, 3, 2).detections.boxes)


def test_no_frames_is_a_valid_file(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [])
    assert read_sequence(tmp_path / "a.parquet", Richer).frames == ()


def test_equal_observations_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [observation(frame, 5, 2) for frame in range(1, 9)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro track"):
        list(read_observations(tmp_path / "a.parquet"))


def test_files_of_another_model_or_time_are_named(tmp_path: Path) -> None:
    plain = Detections(*(np.zeros(shape, np.float32) for shape in ((0, 4), 0, (0, 3))))
    write(tmp_path / "a.parquet", [replace(observation(1, 0, 0), detections=plain)])
    with pytest.raises(UserError, match=r"a\.parquet: has no detection_points, detection_nothings.*\n.*dvc repro track"):
        read_sequence(tmp_path / "a.parquet", Richer)
    pq.write_table(pa.table({"frame": [1]}).cast(schema.stamp(pa.schema([("frame", pa.int64())]))), tmp_path / "old.parquet")
    with pytest.raises(UserError, match="dvc repro track"):
        list(read_observations(tmp_path / "old.parquet"))


@pytest.mark.parametrize(
    "other",
    [observation(2, 3, 2, 4), observation(2, 3, 2, public=False), replace(observation(2, 3, 2), visibilities=np.ones(2))],
    ids=["length", "public", "type"],
)
def test_frames_of_one_file_have_one_form(tmp_path: Path, other: Observation) -> None:
    with pytest.raises(ValueError, match="in every frame"):
        write(tmp_path / "a.parquet", [observation(1, 3, 2), other])


def test_classes_are_stated_where_there_are_others_than_pedestrians(tmp_path: Path) -> None:
    for name, classes in (("one", ("pedestrian",)), ("two", ("pedestrian", "cyclist"))):
        with ObservationWriter(tmp_path / f"{name}.parquet", sequence="s", width=8, height=8, frame_rate=5.0, classes=classes) as writer:
            seen = Detections(
                np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 0), np.float32), classes=np.array([len(classes) - 1])
            )
            writer.write(Observation(1, seen, np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 0), np.float32)))
        read = read_sequence(tmp_path / f"{name}.parquet")
        assert read.classes == classes
        assert read.frames[0].detections.classes.tolist() == [len(classes) - 1]
    with ObservationWriter(tmp_path / "plain.parquet", sequence="s", width=8, height=8, frame_rate=5.0) as writer:
        seen = Detections(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros((1, 0), np.float32))
        writer.write(Observation(1, seen, np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 0), np.float32)))
    assert (tmp_path / "plain.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
