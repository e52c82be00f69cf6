from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.errors import UserError
from pipeline.files import depth_codec
from pipeline.files.frames import decode_jpeg, read_frames
from pipeline.files.sample_store import SampleStore, partner_reach
from pipeline.files.splits import Ranges, read_split
from pipeline.packing.samples import Shape
from pipeline.packing.shards import Shard, Source, write_shard
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
    files = read_manifest(samples).files
    stated = {name: (entry["made_from"]["rows"], entry["made_from"]["frames"]) for name, entry in files.items() if "made_from" in entry}
    assert {name: found for name, found in stated.items() if name.startswith("video")} == {
        "video/toy/one-00000.arrow": (4, [1, 4]),
        "video/toy/two-00000.arrow": (6, [1, 6]),
        "video/toy/zero-00000.arrow": (1, [1, 1]),
    }
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
    name = "video/toy/two-00000.arrow"
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


def test_depth_of_other_frames_is_refused(labelled: Path, tmp_path: Path) -> None:
    data = labelled / "data"
    publication = Publication(tmp_path / "samples", "pack_samples", "3" * 64)
    for frames, depths, first, place in (("one", "two", 0, "frame 1"), ("two", "zero", 3, "frame 4")):
        source = Source(data / f"frames/toy/{frames}.parquet", data / f"depth/toy/{depths}.parquet", 2)
        with pytest.raises(UserError, match=rf"{frames}.parquet: {place}: .*{depths}.parquet was made for other frames"):
            write_shard(Shard("video", source, 0, first, 2, SHAPE, publication))


def test_the_split_file_is_plain_json(labelled: Path) -> None:
    packed(labelled)
    assert json.loads((labelled / "data/samples/split.json").read_text())["toy"]["one"] == {"train": [1, 4], "val": [5, 9]}
