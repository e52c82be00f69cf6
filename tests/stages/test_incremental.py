"""A stage redoes what changed and no more, and the folder is the one that a run from scratch would make, manifest included."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import StageRun
from pipeline.sources import media
from stages import Context
from stages.extract_frames import extract_frames
from stages.label_depth import label_depth
from stages.pack_samples import pack_samples
from tests.parameters import walkers
from tests.pipeline.recorded import crowdhuman, mot_sequence, record, truncate
from tests.stages.alone import alone
from tests.stages.test_label_depth import RecordedRun

__all__ = ["alone"]
STAGES = {"extract_frames": extract_frames, "label_depth": label_depth, "pack_samples": pack_samples}
OUTS = {"extract_frames": "frames", "label_depth": "depth", "pack_samples": "samples"}
GT = "".join(f"{frame},{number},{10 * number},20,20,45,1,1,1\n" for frame in range(1, 7) for number in range(1, 4))
FRAMES = range(1, 7)
BB = "video/videos/bb-00000.arrow"
pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was decoded, in order."""
    names: list[str] = []
    real = media.pictures

    def pictures(found: media.Media, *arguments: Any) -> Iterator[media.Shot]:
        names.append(found.path.parent.name if found.path.name == "img1" else found.path.name)
        return real(found, *arguments)

    monkeypatch.setattr(media, "pictures", pictures)
    return names


def repository(root: Path) -> Path:
    """Three videos and five stills."""
    for name in ("a", "b"):
        mot_sequence(root / f"in/videos/{name}", gt=GT, ini="[Sequence]\nframeRate=10\nseqLength=6\n", frames=FRAMES)
    record(root / "in/videos/c/c.mp4", 6)
    crowdhuman(root / "in/people", ["x", "y", "z"], ["v", "w"])
    return root


def run(root: Path, stage: str, number: int = 1, *, stills: bool = True, store: str = ".", **changes: Any) -> None:
    raw = walkers()
    raw["base"] |= {"data_root": "in", "store": store}
    entry = {"sequences": None, "images_per_file": 2}
    raw["extract_frames"]["sources"] = [
        entry | {"name": "videos", "kind": "mot_challenge", "root": "{data_root}/videos"},
        entry | {"name": "people", "kind": "crowdhuman", "root": "{data_root}/people"},
    ][: 1 + stills]
    raw["pack_samples"] |= {"width": 64, "height": 64, "stills": ["people"], "videos": ["videos"]}
    raw[stage] |= changes
    params = parameters.validate(Params, raw, where="test")
    STAGES[stage](Context(params, cast(Any, None), stage, root, cast(StageRun, RecordedRun()), str(number) * 64))


def run_all(root: Path, number: int = 1, store: str = ".") -> None:
    for stage in STAGES:
        run(root, stage, number, store=store)


def nodes(root: Path, out: str) -> dict[str, int]:
    """Inodes of the published parts: who keeps its own was not written again."""
    folder = root / "data" / out
    return {name: (folder / name).stat().st_ino for name in read_manifest(folder).files}


def kept(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name, node in after.items() if before.get(name) == node}


def same_as_from_scratch(root: Path, fresh: Path, number: int) -> None:
    shutil.copytree(root / "in", fresh / "in")
    run_all(fresh, number)
    for out in OUTS.values():
        ours, theirs = root / "data" / out, fresh / "data" / out
        names = sorted(path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file())
        assert sorted(path.relative_to(ours) for path in ours.rglob("*") if path.is_file()) == names
        for name in names:
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def test_a_new_sequence_is_all_that_is_read_and_a_removed_one_is_gone(tmp_path: Path, decoded: list[str]) -> None:
    root = repository(tmp_path / "one")
    run_all(root)
    assert sorted(decoded) == ["a", "annotation_train.odgt", "annotation_train.odgt", "annotation_val.odgt", "b", "c.mp4"]
    before = {out: nodes(root, out) for out in OUTS.values()}
    mot_sequence(root / "in/videos/bb", gt=GT, frames=FRAMES)
    decoded.clear()
    run_all(root, 2)
    assert decoded == ["bb"]
    for out in ("frames", "depth"):
        after = nodes(root, out)
        assert kept(before[out], after) == set(before[out]) == set(after) - {"videos/bb.parquet"}
    after = nodes(root, "samples")
    assert kept(before["samples"], after) == set(before["samples"]) - {"split.json"} == set(after) - {"split.json", BB}
    same_as_from_scratch(root, tmp_path / "two", 2)
    shutil.rmtree(root / "in/videos/a")
    decoded.clear()
    run_all(root, 3)
    assert decoded == []
    assert sorted(read_manifest(root / "data/depth").files) == sorted(set(before["depth"]) - {"videos/a.parquet"} | {"videos/bb.parquet"})
    same_as_from_scratch(root, tmp_path / "three", 3)


def test_a_changed_annotation_decodes_nothing(tmp_path: Path, decoded: list[str]) -> None:
    root = repository(tmp_path / "one")
    run_all(root)
    before = {out: nodes(root, out) for out in OUTS.values()}
    (root / "in/videos/a/gt/gt.txt").write_text(GT.replace("1,1,10,", "1,1,11,"))
    (root / "in/videos/c/gt").mkdir()
    (root / "in/videos/c/gt/gt.txt").write_text(GT)
    (root / "in/videos/b/seqinfo.ini").write_text("[Sequence]\nframeRate=5\nseqLength=6\n")  # the times of images follow it
    decoded.clear()
    run_all(root, 2)
    assert decoded == []
    changed = {f"videos/{name}.parquet" for name in "abc"}
    assert kept(before["frames"], nodes(root, "frames")) == set(before["frames"]) - changed
    same_as_from_scratch(root, tmp_path / "two", 2)


def test_samples_of_other_sequences_are_not_packed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.packing import shards

    root = repository(tmp_path / "one")
    run_all(root)
    packed: list[str] = []
    real = shards.pack
    monkeypatch.setattr(shards, "pack", lambda frame, *rest, **more: packed.append(frame.sequence) or real(frame, *rest, **more))
    (root / "in/videos/a/gt/gt.txt").write_text(GT.replace("1,1,10,", "1,1,11,"))
    run_all(root, 2)
    assert packed == ["a"] * 3
    packed.clear()
    run(root, "pack_samples", 4, jpeg_quality=50)
    assert len(packed) == 14


@pytest.mark.parametrize("store", ["memory://incremental", "kept"])
def test_a_store_keeps_parts_for_later_runs(tmp_path: Path, decoded: list[str], alone: list[str], store: str) -> None:
    root = repository(tmp_path / "one")
    run_all(root, store=store)
    mot_sequence(root / "in/videos/bb", gt=GT, frames=FRAMES)
    (root / "in/videos/a/gt/gt.txt").write_text(GT.replace("1,1,10,", "1,1,11,"))
    decoded.clear()
    alone.clear()
    run_all(root, 2, store)
    assert decoded == ["bb"]
    assert alone.count("Extracting frames") == alone.count("Labelling depth") == 2
    fresh = tmp_path / "two"
    shutil.copytree(root / "in", fresh / "in")
    run_all(fresh, 2)
    for out in OUTS.values():
        assert (root / "data" / out / "manifest.json").read_bytes() == (fresh / "data" / out / "manifest.json").read_bytes()
    run_all(root, 2, store)  # onto the very version that is there
    assert read_manifest(root / "data/frames") == read_manifest(fresh / "data/frames")


def test_other_pictures_of_the_same_size_and_other_qualities_are_read(tmp_path: Path, decoded: list[str]) -> None:
    root = repository(tmp_path / "one")
    run(root, "extract_frames")
    image = root / "in/videos/a/img1/000002.jpg"
    raw = bytearray(image.read_bytes())
    raw[-3] ^= 1
    image.write_bytes(raw)
    decoded.clear()
    run(root, "extract_frames", 2)
    assert decoded == ["a"]
    decoded.clear()
    run(root, "extract_frames", 3, jpeg_quality=50)
    assert "c.mp4" in decoded


def test_what_a_kill_left_of_other_data_is_used(tmp_path: Path, decoded: list[str]) -> None:
    root = repository(tmp_path / "one")
    run(root, "extract_frames")
    frames, manifest = root / "data/frames", read_manifest(root / "data/frames")
    killed = Publication(frames, "extract_frames", "7" * 64)
    for name in ("videos/a.parquet", "people/val-00000.parquet"):
        with killed.write(name, manifest.files[name]["made_from"]) as path:
            shutil.copy(frames / name, path)
    shutil.rmtree(frames)
    mot_sequence(root / "in/videos/bb", gt=GT, frames=FRAMES)
    decoded.clear()
    run(root, "extract_frames", 8)
    assert sorted(decoded) == ["annotation_train.odgt", "annotation_train.odgt", "b", "bb", "c.mp4"]
    assert sorted(path.name for path in (root / "data").iterdir()) == ["frames"]


def test_damaged_pictures_stay_named_when_the_annotation_changes(tmp_path: Path, decoded: list[str]) -> None:
    root = repository(tmp_path / "one")
    truncate(root / "in/videos/a/img1/000002.jpg", 0.6)
    run(root, "extract_frames", defects="skip_and_report")
    (root / "in/videos/a/gt/gt.txt").write_text(GT.replace("1,1,10,", "1,1,11,") + "9,1,1,1,5,5,1,1,1\n")
    decoded.clear()
    run(root, "extract_frames", 2, defects="skip_and_report")
    assert decoded == []
    named = read_manifest(root / "data/frames").facts["defects"]
    assert ["000002.jpg" in line or "gt.txt:19" in line for line in named] == [True, True]
    fresh = tmp_path / "two"
    shutil.copytree(root / "in", fresh / "in")
    run(fresh, "extract_frames", 2, defects="skip_and_report")
    assert (root / "data/frames/manifest.json").read_bytes() == (fresh / "data/frames/manifest.json").read_bytes()
    (root / "in/videos/a/gt/gt.txt").write_text(GT)
    with pytest.raises(UserError, match=r"000002\.jpg"):
        run(root, "extract_frames", 3)  # stops at what was left out before


def test_depth_pictures_beside_the_frames_count(tmp_path: Path) -> None:
    root = tmp_path
    for name in ("a", "b"):
        mot_sequence(root / f"in/videos/{name}", gt=GT, frames=FRAMES)
        (root / f"in/videos/{name}/depth").mkdir()
        for frame in FRAMES:
            depth_picture(root / f"in/videos/{name}/depth/{frame:06d}.png", 1000)
    files: dict[str, Any] = {"stills": False, "backend": "files", "files_pattern": "{root}/{sequence}/depth/{frame:06d}.png"}
    run(root, "extract_frames", stills=False)
    run(root, "label_depth", **files)
    before = nodes(root, "depth")
    depth_picture(root / "in/videos/a/depth/000003.png", 2000)
    run(root, "label_depth", 2, **files)
    assert kept(before, nodes(root, "depth")) == {"videos/b.parquet"}
    before = nodes(root, "depth")
    (root / "in/videos/b/depth/scale.txt").write_text("0.5")
    run(root, "label_depth", 3, **files)
    assert kept(before, nodes(root, "depth")) == {"videos/a.parquet"}


def depth_picture(path: Path, code: int) -> None:
    cv2.imwrite(str(path), np.full((4, 4), code, np.uint16))
