"""JHMDB's layout: joints that count from 1, masks, splits, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.run_lengths import decode_mask
from pipeline.params.sections.data import Source
from pipeline.sources.jhmdb import plan
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import box, jhmdb, put, save
from tests.pipeline.recorded import HEIGHT, WIDTH, write_image
from tests.pipeline.sources.mutations import lines_of

HAIR, CATCH = "April_09_brush_hair_u_nm_np1_ba_goo_0", "Ball_catch_u_f_cm_np1_fr_med_0"
FILE = f"joint_positions/catch/{CATCH}/joint_positions.mat"
PUPPETS = f"puppet_mask/brush_hair/{HAIR}/puppet_mask.mat"


def planned(root: Path, *, strict: bool = True, sequences: list[str] | None = None) -> Plan:
    return plan(Source(name="set", kind="jhmdb", root="", sequences=sequences, images_per_file=2), root, strict)


def positions(frames: int = 3, **more: Any) -> dict[str, Any]:
    """Joints of a clip, on a slope."""
    return {"pos_img": np.broadcast_to(np.arange(1.0, 16.0)[None, :, None], (2, 15, frames)).copy()} | more


def test_joints_count_from_0_and_boxes_are_those_of_masks(tmp_path: Path) -> None:
    hair, catch = planned(jhmdb(tmp_path)).sequences
    left, top, width, height = box(1, 2)
    there = hair.annotation.of(2)
    assert (hair.name, hair.frames, hair.stated_size) == (HAIR, 3, (WIDTH, HEIGHT))
    assert there.boxes.tolist() == [[left, top, left + width, top + height]]
    assert there.keypoints is not None
    assert there.keypoints[0, :5].tolist() == [[left + place % 4 * 3, top + 2 * place, 1] for place in range(5)]
    assert there.masks is not None
    assert np.flatnonzero(decode_mask(there.masks[0], HEIGHT, WIDTH).any(0)).tolist() == list(range(left, left + width))
    assert hair.annotation.objects.identities.tolist() == [1, 1, 1]
    assert catch.annotation.objects.masks is None
    assert catch.annotation.of(2).boxes.tolist() == [[left, top, left + 9, top + 28]]  # around the joints
    assert catch.annotation.where(1) == f"{FILE}: frame 2"


def test_clips_classes_and_sides_of_splits_can_be_chosen(tmp_path: Path) -> None:
    root = jhmdb(tmp_path)
    for wanted, found in (("catch", CATCH), (HAIR, HAIR), ("test_split1", HAIR), ("train_split1", CATCH)):
        assert [item.name for item in planned(root, sequences=[wanted]).sequences] == [found]
    with pytest.raises(UserError, match="no list names a clip of split2"):
        planned(root, sequences=["test_split2"])
    with pytest.raises(UserError, match="no sequence run"):
        planned(root, sequences=["run"])
    put(root / "splits/run_test_split1.txt", "clip.avi one\n")
    with pytest.raises(UserError, match=r"run_test_split1\.txt:1: 'clip\.avi one' is not a clip and 1 \(train\)"):
        planned(root, sequences=["test_split1"])
    with pytest.raises(UserError, match="no joint_positions/<class>/<clip>"):
        planned(root / "splits")


def test_joints_and_masks_that_are_not_there_are_said(tmp_path: Path) -> None:
    root, joints, seen = jhmdb(tmp_path), positions(), np.zeros((HEIGHT, WIDTH, 2), np.uint8)
    joints["pos_img"][:, 4, 1] = np.nan
    save(root / FILE, joints)
    seen[10:20, 10:20, 0] = 1
    save(root / PUPPETS, {"part_mask": seen})
    write_image(root / "Rename_Images/catch/stray/00001.png", 1)
    found = planned(root)
    hair, catch = found.sequences
    assert found.notes == ("1 clips have images and no joint_positions, such as stray; left out",)
    assert catch.notes[1:] == (f"{CATCH}: 1 joints are not numbers; read as not there",)
    assert not catch.annotation.of(2).keypoints[0, 4].any()  # type: ignore[index]
    assert hair.notes[1:] == (
        f"{HAIR}: 2 of 3 frames have a mask; the others are read without one",
        f"{HAIR}: 1 masks are empty; read as none",
    )
    assert [mask is None for mask in hair.annotation.objects.masks] == [False, True, True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("file", "arrays", "said"),
    [
        (FILE, positions(4), "joints of 4 frames for 3 images; what is beyond 3 is left out"),
        (FILE, positions(2), "joints of 2 frames for 3 images; what is beyond 2 is left out"),
        (FILE, {"pos_img": np.zeros((2, 14, 3))}, r"pos_img has the shape \(2, 14, 3\), expected \(2, 15, frames\)"),
        (FILE, {"pos_world": np.zeros((2, 15, 3))}, "has no array pos_img of numbers with 3 dimensions"),
        (FILE, {"pos_img": "text"}, "has no array pos_img of numbers"),
        (FILE, {"pos_img": np.full((2, 15, 3), np.nan)}, "frame 1: neither a joint nor a mask"),
        (FILE, {"pos_img": np.full((2, 15, 3), 7.0)}, "frame 1: width and height of the box must be above 0"),
        (PUPPETS, {"part_mask": np.ones((HEIGHT, WIDTH, 5), np.uint8)}, "masks of 5 frames for 3 images; those beyond are left out"),
        (PUPPETS, {"other": np.ones(3)}, "has no array part_mask of numbers"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, file: str, arrays: dict[str, Any], said: str) -> None:
    root = jhmdb(tmp_path)
    save(root / file, arrays)
    with pytest.raises(UserError, match=said):
        planned(root)
    found = planned(root, strict=False)
    lines = lines_of(found)
    assert file in lines[0]
    assert HAIR in [item.name for item in found.sequences]


def test_missing_files_and_names_twice_are_named(tmp_path: Path) -> None:
    root = jhmdb(tmp_path)
    (root / FILE).unlink()
    assert planned(root, strict=False).defects == [f"{FILE}: cannot be read (No such file or directory)"]
    for image in (root / f"Rename_Images/brush_hair/{HAIR}").iterdir():
        image.unlink()
    with pytest.raises(UserError, match="no clip can be used"):
        planned(root, strict=False)
    save(root / f"joint_positions/run/{CATCH}/joint_positions.mat", positions())
    with pytest.raises(UserError, match="there is another clip of this name, joint_positions/catch/"):
        planned(root)
