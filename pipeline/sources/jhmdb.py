"""JHMDB: joint_positions/<class>/<clip>/joint_positions.mat, and the clip's images in Rename_Images/<class>/<clip>/ (or Frames/).

Where there is puppet_mask/<class>/<clip>/puppet_mask.mat, it gives the masks of the person.
A clip shows one person, with 15 joints (`JOINTS`) in `pos_img`, (2, 15, frames), which counts pixels from 1 as MATLAB does; here they
count from 0. The file does not say which joints are seen, so all are marked as such; one that is not a number is not there. The box is that
of the mask, or else that around the joints. `sequences` may name clips, classes, or a side of a split, `train_split1` or `test_split1`,
which splits/<class>_test_split1.txt lists.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.matlab import read_array
from pipeline.files.run_lengths import encode_mask
from pipeline.params.sections.data import Source
from pipeline.sources.categories import PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import ASSUMED_RATE, images_in, ordered
from pipeline.sources.mots import LARGEST_SIDE
from pipeline.sources.place import Place, listed, relative
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import LARGEST, Clip
from pipeline.sources.shaped import Shaped, hull

POSITIONS, IMAGES, MASKS, SPLITS = "joint_positions", ("Rename_Images", "Frames"), "puppet_mask", "splits"
JOINTS = (
    "neck", "belly", "face", "right_shoulder", "left_shoulder", "right_hip", "left_hip", "right_elbow", "left_elbow", "right_knee",
    "left_knee", "right_wrist", "left_wrist", "right_ankle", "left_ankle",
)  # fmt: skip
SIDES = {"train": "1", "test": "2"}  # and how the lists of splits mark them
PATTERN = ": frame %d"


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Read and check joints and masks.

    Args:
        source: the section's entry.
        folder: holds joint_positions and Rename_Images.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there is no clip, a wanted one does not exist, or, when strict, the data has a defect.
    """
    lost, planned, found = Defects(folder, strict), list[PlannedSequence](), dict[str, Place]()
    for clip in _inside(folder / POSITIONS):
        other = found.setdefault(clip.name, clip)
        if other is not clip:
            lost.add(f"{clip}: there is another clip of this name, {relative(other, folder)}; left out")
    if not found:
        raise UserError(f"{folder}: no {POSITIONS}/<class>/<clip>\nnext: correct root of the entry in extract_frames.sources")
    for name in choose(list(found), _named(folder, found, source.sequences), str(folder)):
        with lost.leaving_out():
            planned.append(_sequence(source.name, folder, found[name], Defects(folder, strict)))
    if not planned:
        raise UserError("\n".join([f"{folder}: no clip can be used", *lost.lines[:5]]))
    bare = [clip.name for name in IMAGES for clip in _inside(folder / name) if clip.name not in found]
    return Plan(planned, lost.lines, (f"{len(bare)} clips have images and no {POSITIONS}, such as {bare[0]}; left out",) if bare else ())


def is_jhmdb(folder: Place) -> bool:
    """Whether a folder has this layout."""
    return (folder / POSITIONS).is_dir() and any((folder / name).is_dir() for name in IMAGES)


def _inside(folder: Place) -> list[Place]:
    """<folder>/<class>/<clip>."""
    return [clip for kind in listed(folder) for clip in listed(kind) if clip.is_dir()]


def _named(folder: Place, clips: dict[str, Place], wanted: list[str] | None) -> list[str] | None:
    """Classes and sides of splits by the clips that they name."""
    if wanted is None:
        return None
    found = []
    for name in wanted:
        side = re.fullmatch(r"(train|test)_(split\d+)", name)
        inside = [clip for clip, path in clips.items() if path.parent.name == name]
        if side and name not in clips and not inside:
            inside = _side(folder, side[2], SIDES[side[1]])
        found += inside or [name]
    return found


def _side(folder: Place, split: str, mark: str) -> list[str]:
    """The clips on one side of a split."""
    found = []
    for path in listed(folder / SPLITS):
        if path.name.endswith(f"_test_{split}.txt"):
            for number, line in enumerate(_lines(path), 1):
                name, _, side = line.strip().rpartition(" ")
                if line.strip() and side not in ("0", *SIDES.values()):
                    raise UserError(f"{path}:{number}: '{line.strip()[:60]}' is not a clip and 1 (train), 2 (test) or 0 (neither)")
                found += [name.strip().removesuffix(".avi")] if side == mark else []
    if not found:
        raise UserError(f"{folder / SPLITS}: no list names a clip of {split}\nnext: correct extract_frames.sources")
    return found


def _lines(path: Place) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})\nnext: replace the file") from None


def _sequence(dataset: str, folder: Place, clip: Place, defects: Defects) -> PlannedSequence:
    kind, path = clip.parent.name, clip / f"{POSITIONS}.mat"
    there = next((images for name in IMAGES if (images := images_in(folder / name / kind / clip.name))), [])
    if not there:
        raise UserError(f"{folder / IMAGES[0] / kind / clip.name}: no image\nnext: put the clip's images there")
    joints, files = _joints(path), ordered(there)
    if len(joints) != len(files):
        fewer = min(len(joints), len(files))
        defects.add(f"{path}: joints of {len(joints)} frames for {len(files)} images; what is beyond {fewer} is left out")
        files = dict(list(files.items())[:fewer])
    said = [f"{clip.name}: nothing states a frame rate; {ASSUMED_RATE:g} frames/s assumed"]
    masks = _masks(folder / MASKS / kind / clip.name / f"{MASKS}.mat", clip.name, len(files), said, defects)
    objects = _objects(files, joints, masks, path, said, defects)
    stated = None if masks is None else (masks.shape[1], masks.shape[0])
    annotated = objects.annotation(relative(path, defects.base), PATTERN)
    return Clip(dataset, clip.name, files, ASSUMED_RATE, annotated, stated, tuple(said)).plan(defects)


def _joints(path: Place) -> NDArray[np.float64]:
    """(F, 15, 2) x and y from 0, not a number where there is no joint."""
    found = read_array(path, "pos_img", 3)
    if found.shape[:2] != (2, len(JOINTS)):
        raise UserError(f"{path}: pos_img has the shape {found.shape}, expected (2, {len(JOINTS)}, frames)\nnext: replace the file")
    return found.astype(np.float64).transpose(2, 1, 0) - 1


def _masks(path: Place, name: str, count: int, said: list[str], defects: Defects) -> NDArray[np.bool_] | None:
    """(H, W, F) where the person is seen, of at most `count` frames; None: there is no file, or it cannot be used."""
    if not path.is_file():
        return None
    found = None
    with defects.leaving_out():
        array = read_array(path, "part_mask", 3)
        if max(array.shape[:2]) > LARGEST_SIDE:
            raise UserError(f"{path}: part_mask has the shape {array.shape}, expected (height, width, frames)\nnext: replace the file")
        found = array > 0
    if found is not None and found.shape[2] > count:
        defects.add(f"{path}: masks of {found.shape[2]} frames for {count} images; those beyond are left out")
    elif found is not None and found.shape[2] < count:
        said.append(f"{name}: {found.shape[2]} of {count} frames have a mask; the others are read without one")
    return None if found is None else found[:, :, :count]


def _objects(
    files: dict[int, Place], joints: NDArray[np.float64], masks: NDArray[np.bool_] | None, path: Place, said: list[str], defects: Defects
) -> Shaped:  # fmt: skip
    objects, lacking, empty = Shaped(joints=len(JOINTS), masked=masks is not None), 0, 0
    for place, frame in enumerate(files):
        known = (np.abs(joints[place]) < LARGEST).all(1)
        lacking += int((~known).sum())
        points = np.zeros((len(JOINTS), 3), np.float32)
        points[known] = np.concatenate([joints[place][known], np.ones((int(known.sum()), 1))], 1)
        mask = None if masks is None or place >= masks.shape[2] else masks[:, :, place]
        empty += mask is not None and not mask.any()
        mask = mask if mask is not None and mask.any() else None
        try:
            if mask is None and not known.any():
                raise ValueError("neither a joint nor a mask")
            box = hull(joints[place][known]) if mask is None else _around(mask)
            objects.add_shaped(frame, box, 1, PEDESTRIAN, False, (frame,), None if mask is None else encode_mask(mask), points)
        except ValueError as error:
            defects.add(f"{path}: frame {frame}: {error}")
    said += [f"{path.parent.name}: {lacking} joints are not numbers; read as not there"] if lacking else []
    said += [f"{path.parent.name}: {empty} masks are empty; read as none"] if empty else []
    return objects


def _around(mask: NDArray[np.bool_]) -> list[float]:
    down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [float(across[0]), float(down[0]), float(across[-1]) + 1, float(down[-1]) + 1]
