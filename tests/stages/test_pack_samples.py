from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.errors import UserError
from pipeline.files import depth_codec
from pipeline.files.depths import DepthRow
from pipeline.files.frames import Frame, decode_jpeg, encode_jpeg, read_frames
from pipeline.files.sample_store import SampleStore, partner_reach
from pipeline.files.splits import Ranges, read_split
from pipeline.packing import shards
from pipeline.packing.shards import Slice
from pipeline.packing.units import Shape, Unit, fit, ignored, pack, pack_unit, plan_units
from stages.label_depth import label_depth
from stages.pack_samples import pack_samples
from tests.pipeline.labelling import scenes
from tests.stages.test_label_depth import RecordedRun, context, extracted

SHAPE = Shape(width=160, height=96, depth_stride=4, jpeg_quality=90, row_group_bytes=60_000, shard_bytes=10_000_000)
SECTION: dict[str, Any] = {"width": 160, "height": 96, "stills": ["toystills"], "videos": ["toy"]}
SPLIT: dict[str, Any] = {"rule": "half", "boundary": "fairmot", "train": [], "val": []}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, ray_local: None) -> Path:
    """A root with published frames and depth."""
    root = tmp_path_factory.mktemp("labelled")
    extracted(root)
    label_depth(context(root, "label_depth")[0])
    return root


def packed(root: Path, **changes: Any) -> RecordedRun:
    made, run = context(root, "pack_samples", **(SECTION | changes))
    pack_samples(made)
    return run


def test_first_halves_and_all_stills_are_packed_in_order(labelled: Path) -> None:
    run = packed(labelled)
    samples = labelled / "data/samples"
    assert read_split(samples) == {"toy": {"one": Ranges((1, 4), (5, 9)), "two": Ranges((1, 6), (7, 12)), "zero": Ranges((1, 1), (2, 3))}}
    video, stills = SampleStore(samples / "video"), SampleStore(samples / "stills")
    rows = [video.row(index) for index in range(len(video))]
    assert [(row.sequence, row.frame) for row in rows] == [
        *(("one", frame) for frame in range(1, 5)),
        *(("two", frame) for frame in range(1, 7)),
        ("zero", 1),  # frames without objects stay
    ]
    assert all(row.video for row in rows)
    assert [stills.row(index).frame for index in range(len(stills))] == [1, 2, 3, 4]
    assert not stills.row(0).video
    assert partner_reach(video.index, video.row_groups, 10) <= 1
    facts = read_manifest(samples).facts["shards"]
    assert facts["video/part-00000-00.parquet"] == {"rows": 11, "sequences": {"toy/one": [1, 4], "toy/two": [1, 6], "toy/zero": [1, 1]}}
    assert run.logged["samples_video"] == 11
    assert sorted(run.inputs) == ["depth", "frames"]


def test_images_boxes_and_depth_have_training_size(labelled: Path) -> None:
    packed(labelled)
    store = SampleStore(labelled / "data/samples/video")
    source = next(read_frames(labelled / "data/frames/toy/one.parquet"))
    sample = store.row(0)
    assert (sample.width, sample.height) == (160, 90)
    assert decode_jpeg(sample.image, "").shape == (90, 160, 3)
    np.testing.assert_allclose(sample.boxes, source.objects.boxes / 2, rtol=1e-5)
    assert sample.depth is not None
    depth = depth_codec.decode(sample.depth, sample.depth_scale)
    assert depth.shape == (22, 40)
    assert depth[-1, 0] == pytest.approx(scenes.depth_at(175), rel=0.1)


def test_the_same_bytes_twice_and_after_a_kill(labelled: Path) -> None:
    shutil.rmtree(labelled / "data/samples", ignore_errors=True)
    first = packed(labelled).outputs[0]
    assert packed(labelled).outputs[0].digest == first.digest
    publication = context(labelled, "pack_samples", **SECTION)[0].publication(labelled / "data/samples")
    name = "video/part-00000-00.parquet"
    with publication.write(name, first.files[name]["made_from"]) as path:
        path.write_bytes((labelled / "data/samples" / name).read_bytes())
    shutil.rmtree(labelled / "data/samples")
    finished = publication.path(name).stat().st_mtime_ns
    assert packed(labelled).outputs[0].digest == first.digest
    assert (labelled / "data/samples" / name).stat().st_mtime_ns == finished


def test_sequence_lists_rule_what_trains(labelled: Path) -> None:
    packed(labelled, split=SPLIT | {"rule": "sequences", "train": ["two"], "val": ["one"]}, stills=[])
    samples = labelled / "data/samples"
    assert read_split(samples)["toy"] == {"one": Ranges(None, (1, 9)), "two": Ranges((1, 12), None), "zero": Ranges(None, None)}
    assert len(SampleStore(samples / "video")) == 12
    with pytest.raises(UserError, match="holds no samples"):
        SampleStore(samples / "stills")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"videos": ["nobody"]}, r"pack_samples.videos: no data set nobody; extracted are toy, toystills"),
        ({"videos": ["toystills"]}, r"pack_samples.videos: toystills holds stills, not video"),
        ({"stills": ["toy"]}, r"pack_samples.stills: toy holds video, not stills"),
        ({"split": SPLIT | {"rule": "sequences", "train": ["three"]}}, "no such sequence: three"),
    ],
)
def test_data_sets_that_are_not_there_are_named(labelled: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        packed(labelled, **changes)


def frame(width: int = 320, height: int = 180) -> Frame:
    image = encode_jpeg(np.full((height, width, 3), 90, np.uint8), 90)
    return Frame("d", "s", 1, 0, width, height, image, scenes.people(np.random.default_rng(0), 3))


def depth(objects: int = 3) -> DepthRow:
    return DepthRow("d", "s", 1, depth_codec.encode(np.ones((9, 16), np.float32))[0], 0.1, np.ones(objects, np.float32))


def test_an_image_that_fits_keeps_its_bytes() -> None:
    small = frame(150, 90)
    row = pack(small, depth(), SHAPE, video=True, where="here")
    assert row["image"] == small.image
    assert (row["width"], row["height"]) == (150, 90)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (160, 90)), ((600, 1200), (48, 96)), ((160, 96), (160, 96)), ((5000, 1), (160, 1)), ((80, 20), (80, 20))],
)
def test_images_are_made_to_fit_with_their_aspect(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(*size, 160, 96) == expected


def test_unscored_people_are_ignored_and_vehicles_are_background() -> None:
    found = scenes.objects(np.zeros((6, 4)))
    found = replace(
        found,
        classes=np.array([1, 1, 8, 3, 1, 7], np.int32),
        confidences=np.array([1, 0, 0, 0, 1, 1], np.float32),
        ignores=np.array([0, 0, 0, 0, 1, 0], bool),
    )
    assert ignored(replace(frame(), objects=found)).tolist() == [False, True, True, False, True, True]


def test_depth_of_other_frames_is_refused(labelled: Path, tmp_path: Path) -> None:
    data = labelled / "data"
    part = Slice(data / "frames/toy/one.parquet", data / "depth/toy/two.parquet", 0, 2)
    unit = Unit("video", 0, (part,), SHAPE, Publication(tmp_path / "samples", "pack_samples", "3" * 64))
    with pytest.raises(UserError, match=r"one.parquet: frame 1: .*two.parquet was made for other frames"):
        pack_unit(unit)


def test_a_unit_larger_than_a_shard_rolls_over_and_resumes_at_the_shard(labelled: Path, tmp_path: Path) -> None:
    data = labelled / "data"
    part = Slice(data / "frames/toy/two.parquet", data / "depth/toy/two.parquet", 0, 12)
    unit = Unit("video", 0, (part,), replace(SHAPE, shard_bytes=40_000), Publication(tmp_path / "samples", "pack_samples", "3" * 64))
    names = pack_unit(unit)
    assert len(names) > 2
    contents = {name: unit.publication.path(name).read_bytes() for name in names}
    assert max(map(len, contents.values())) < 40_000 + 10_000  # the cap counts images and maps
    times = {name: unit.publication.path(name).stat().st_mtime_ns for name in names}
    unit.publication.path(names[1]).unlink()
    assert pack_unit(unit) == names
    assert {name: unit.publication.path(name).read_bytes() for name in names} == contents
    assert unit.publication.path(names[2]).stat().st_mtime_ns == times[names[2]]
    store = SampleStore(unit.publication.partial / "video")
    assert store.index.frame.tolist() == list(range(1, 13))


def test_units_cover_all_rows_once_and_are_bounded_in_number(tmp_path: Path) -> None:
    publication = Publication(tmp_path, "pack_samples", "3" * 64)
    slices = [Slice(Path(f"f{number}"), Path(f"d{number}"), 0, rows) for number, rows in enumerate([3, 1, 5000, 2, 2, 40])]
    units = plan_units("video", slices, replace(SHAPE, shard_bytes=2**40), publication)
    covered = [(part.frames.name, part.first + row) for unit in units for part in unit.slices for row in range(part.rows)]
    assert covered == [(part.frames.name, row) for part in slices for row in range(part.rows)]
    assert 1 < len(units) <= shards.UNITS
    assert max(unit.rows for unit in units) - min(unit.rows for unit in units) <= 1
    assert plan_units("video", [], SHAPE, publication) == []


def test_the_split_file_is_plain_json(labelled: Path) -> None:
    packed(labelled)
    assert json.loads((labelled / "data/samples/split.json").read_text())["toy"]["one"] == {"train": [1, 4], "val": [5, 9]}
