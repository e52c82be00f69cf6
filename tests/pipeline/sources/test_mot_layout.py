from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources import mot_challenge
from pipeline.sources.defects import Defects
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import bft, cvat, dancetrack, mot15, mot17, mots, put, sequence, sportsmot


def plan(root: Path, sequences: list[str] | None = None, strict: bool = True) -> Plan:
    entry = Source(name="set", kind="mot_challenge", root="", sequences=sequences, images_per_file=8)
    return mot_challenge.plan(entry, root, strict)


def names(root: Path, sequences: list[str] | None = None) -> list[str]:
    return [item.name for item in plan(root, sequences).sequences]


def test_splits_are_chosen_by_folder_and_by_list(tmp_path: Path) -> None:
    root = dancetrack(tmp_path)
    assert names(root) == ["dancetrack0001", "dancetrack0002"]
    assert names(root, ["val"]) == ["dancetrack0004"]
    assert names(root, ["val", "dancetrack0002"]) == ["dancetrack0002", "dancetrack0004"]
    (root / "train_seqmap.txt").write_text("name\ndancetrack0002\n")
    assert names(root, ["train"]) == ["dancetrack0002"]
    for path in root.glob("*_seqmap.txt"):
        path.unlink()
    assert names(root, ["train"]) == ["dancetrack0001", "dancetrack0002"]
    put(root / "seqmaps/DanceTrack-half.txt", "dancetrack0004\n")
    assert names(root, ["half"]) == ["dancetrack0004"]


def test_sports_have_lists_of_their_own(tmp_path: Path) -> None:
    root = sportsmot(tmp_path)
    assert names(root) == ["v_a_c001", "v_b_c002"]
    assert names(root, ["basketball"]) == ["v_b_c002", "v_c_c003"]
    put(root / "splits_txt/basketball.txt", "v_gone_c009\n")
    with pytest.raises(UserError, match="no sequence v_gone_c009; there are v_a_c001, v_b_c002, v_c_c003"):
        names(root, ["basketball"])


def test_a_name_in_two_splits_is_an_error_once_it_matters(tmp_path: Path) -> None:
    root = dancetrack(tmp_path)
    sequence(root / "val/dancetrack0001", width=8)
    assert names(root) == ["dancetrack0001", "dancetrack0002"]
    with pytest.raises(UserError, match="dancetrack0001 is in train and in val"):
        names(root, ["val"])


def test_without_a_train_split_the_next_is_read(tmp_path: Path) -> None:
    root = dancetrack(tmp_path)
    shutil.rmtree(root / "train")
    assert names(root) == ["dancetrack0004"]


def test_birds_have_texts_by_name_and_flags_of_minus_one(tmp_path: Path) -> None:
    root = bft(tmp_path)
    (found,) = plan(root).sequences
    assert (found.name, found.frames, found.annotation.file, found.source) == (
        "An3014",
        4,
        "annotations_mot/train/An3014.txt",
        "An3014/An3014",
    )
    assert set(found.annotation.objects.confidences.tolist()) == {1.0}
    assert not found.annotation.objects.ignores.any()
    assert names(root, ["test"]) == ["Ci1001"]


def test_masks_become_boxes(tmp_path: Path) -> None:
    (found,) = plan(mots(tmp_path)).sequences
    frame = next(found.read(90, Defects(tmp_path, True)))
    np.testing.assert_array_equal(frame.objects.boxes, [[41, 20, 53, 50], [71, 20, 83, 50], [100, 60, 140, 100]])
    assert frame.objects.ignores.tolist() == [False, False, True]


def test_exports_of_cvat_with_labels_and_with_a_video_beside(tmp_path: Path) -> None:
    root = cvat(tmp_path / "root")
    seven, eight = plan(root).sequences
    assert (seven.name, seven.annotation.objects.classes.tolist()) == ("task_7", [1, 3] * 3)  # labels.txt: car, person
    assert seven.annotation.objects.visibilities.tolist() == pytest.approx([0.86, 1.0] * 3)
    assert (eight.name, eight.source, len(list(eight.read(90, Defects(root, True))))) == ("task_8", "task_8/task_8.mp4", 3)
    assert seven.annotation.where(0) == "task_7.zip/gt/gt.txt:1"
    (alone,) = plan_archive(root / "task_7.zip")
    assert (alone.name, alone.frames, len(alone.annotation)) == ("task_7", 3, 6)


def plan_archive(path: Path) -> list[mot_challenge.PlannedSequence]:
    from pipeline import sources

    entry = Source(name="set", kind="mot_challenge", root=str(path), sequences=None, images_per_file=8)
    return sources.plan([entry], data_root="", root=Path("/"), strict=True).sequences


def test_an_archive_that_cannot_be_opened_is_a_defect(tmp_path: Path) -> None:
    root = cvat(tmp_path / "root")
    (root / "broken.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"broken\.zip: cannot be opened"):
        plan(root)
    found = plan(root, strict=False)
    assert [item.name for item in found.sequences] == ["task_7", "task_8"]
    assert len(found.defects) == 1


def test_old_ground_truth_without_classes(tmp_path: Path) -> None:
    (found,) = plan(mot15(tmp_path)).sequences
    assert found.annotation.objects.classes.tolist() == [1] * 7
    assert found.annotation.objects.ignores.tolist() == [False] * 6 + [True]


def test_a_sequence_that_cannot_be_used_leaves_the_others(tmp_path: Path) -> None:
    root = mot17(tmp_path)
    (root / "train/MOT17-04-FRCNN/img1").mkdir(parents=True)
    (root / "train/MOT17-04-FRCNN/img1/first.jpg").touch()
    (root / "train/MOT17-05-FRCNN/gt").mkdir(parents=True)
    found = plan(root, strict=False)
    assert [item.name for item in found.sequences] == ["MOT17-02-FRCNN"]
    assert found.defects == [
        "train/MOT17-04-FRCNN/img1/first.jpg: an image's name must end in its frame number, counted from 1, as in 000001.jpg",
        "train/MOT17-05-FRCNN: the sequence has neither images in img1/ nor a video file",
    ]


def test_where_each_row_stands(tmp_path: Path) -> None:
    (found,) = plan(mot17(tmp_path)).sequences
    rows = [found.annotation.where(row) for row in range(len(found.annotation))]
    # frame by frame: persons 1 and 2 in lines 1 to 6, then the lines that were appended
    assert [row.rpartition(":")[2] for row in rows] == ["1", "4", "7", "8", "2", "5", "9", "3", "6"]
    assert rows[0] == "train/MOT17-02-FRCNN/gt/gt.txt:1"
    assert found.stated_size == (160, 120)
