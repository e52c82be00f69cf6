"""Masks and joints beside MOTChallenge text: gt/mots.txt and gt/poses.json by frame and identity, det/mots.txt and det/poses.json by the
line of det.txt.

Masks are MOTS text (`mots`), joints PoseTrack 2018's JSON, whose annotations have `track_id` or, beside det.txt, `detection`: which of the
frame's lines of det.txt they belong to, from 1. Both files are optional; objects without an entry have no mask, and joints of zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.sources import mots
from pipeline.sources.annotation import Annotation
from pipeline.sources.defects import Defects
from pipeline.sources.place import Place
from pipeline.sources.records import load, number, whole

MASKS, POSES = "mots.txt", "poses.json"
Key = tuple[int, int]  # frame, and identity or line of det.txt


def files(folder: Place | None) -> list[Place]:
    """The files of shapes in a gt/ or det/ folder."""
    return [] if folder is None else [path for name in (MASKS, POSES) if (path := folder / name).is_file()]


def with_shapes(found: Annotation, folder: Place | None, defects: Defects) -> Annotation:
    """An annotation with the masks and joints that lie beside it.

    Args:
        found: the boxes; of detections, whose identities are unknown, entries belong to the frame's lines.
        folder: gt/ or det/; None: there is none.
        defects: gets entries that belong to no box, and broken ones.

    Raises:
        UserError: a file cannot be read.
    """
    there = files(folder)
    if not there or not len(found):
        return found
    places = {key: row for row, key in enumerate(_keys(found))}
    objects = found.objects
    for path in there:
        if path.name == MASKS:
            objects = replace(objects, masks=_masks(path, places, len(found), defects))
        else:
            objects = replace(objects, keypoints=_joints(path, places, len(found), defects))
    return replace(found, objects=objects)


def _keys(found: Annotation) -> list[Key]:
    frames, identities = found.frame.tolist(), found.objects.identities
    if (identities >= 0).any():
        return list(zip(frames, identities.tolist(), strict=True))
    starts = np.searchsorted(found.frame, found.frame)  # in order of frames, within a frame of lines
    return list(zip(frames, (np.arange(len(frames)) - starts + 1).tolist(), strict=True))


def _masks(path: Place, places: Mapping[Key, int], count: int, defects: Defects) -> NDArray[np.object_]:
    complaints = defects.sink()
    rows = mots.read_mots(path, complaints)
    defects.take(complaints)
    assert rows.mask is not None
    masks = np.full(count, None)
    for frame, identity, line, mask in zip(rows.frame.tolist(), rows.identity.tolist(), rows.line.tolist(), rows.mask, strict=True):
        place = places.get((frame, identity))
        if place is None:
            defects.add(f"{path}:{line}: frame {frame} has no box {identity}")
        else:
            masks[place] = mask
    return masks


def _joints(path: Place, places: Mapping[Key, int], count: int, defects: Defects) -> NDArray[np.float32]:
    content = load(path)
    try:
        names = content["categories"][0]["keypoints"]
        frames = {image["id"]: int(re.findall(r"\d+", image["file_name"].rpartition("/")[2])[-1]) for image in content["images"]}
        items = list(content["annotations"])
    except (LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not PoseTrack's layout ({error!r}); expected images, annotations, categories with keypoints") from None
    joints = np.zeros((count, len(names), 3), np.float32)
    for index, item in enumerate(items):
        values, place = _entry(item, frames, places)
        if place is None or len(values) != 3 * len(names):
            defects.add(f"{path}: annotations[{index}]: belongs to no box, or has not three numbers for each of {len(names)} joints")
        else:
            joints[place] = np.array(values, np.float32).reshape(-1, 3)
    return joints


def _entry(item: Any, frames: Mapping[Any, int], places: Mapping[Key, int]) -> tuple[list[float], int | None]:
    """The joints of an annotation, with their scores where it has any, and the row of its box."""
    if not isinstance(item, dict) or not isinstance(item.get("keypoints"), list) or not all(map(number, item["keypoints"])):
        return [], None
    values, scores = list(item["keypoints"]), item.get("scores")
    if isinstance(scores, list) and 3 * len(scores) == len(values):
        values[2::3] = scores
    key = item.get("detection", item.get("track_id"))
    frame = frames.get(item.get("image_id"))
    return values, places.get((frame, key)) if frame is not None and whole(key) else None
