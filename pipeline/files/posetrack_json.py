"""PoseTrack's JSON (2018): images, annotations with joints, and a category that names the joints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

# The 15 joints that the benchmark scores, and what they are called in the 17 of PoseTrack 2018.
SCORED = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow", "right_shoulder",
    "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
)  # fmt: skip
NAMES = (
    "nose", "head_bottom", "head_top", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
SYNONYMS = {"neck": "head_bottom", "upper_neck": "head_bottom"}
FAR = 1e6  # pixels; what is beyond is no corner of a region


class Poses(NamedTuple):
    """The people of one image.

    Attributes:
        identities: (N,) int64 `track_id`.
        points: (N, 15, 2) x and y in pixels, NaN where a joint is not annotated.
        heads: (N, 2) width and height of `bbox_head`, NaN where it is not stated.
    """

    identities: NDArray[np.int64]
    points: NDArray[np.float64]
    heads: NDArray[np.float64]


def read_poses(path: Path, content: Any) -> dict[str, Poses]:
    """The people of each image, by the image's file name.

    Args:
        path: of the file, for messages.
        content: what its JSON holds.

    Raises:
        UserError: it is no such file, or an annotation cannot be used (its place is named).
    """
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in ("images", "annotations")):
        raise UserError(f"{path}: expected lists images and annotations\nnext: write PoseTrack 2018's JSON")
    places = _places(path, content.get("categories"))
    try:
        images = {image["id"]: str(image["file_name"]) for image in content["images"]}
    except (KeyError, TypeError):
        raise UserError(f"{path}: an image has no id or no file_name\nnext: mend it") from None
    found: dict[str, list[tuple[int, NDArray[np.float64], NDArray[np.float64]]]] = {name: [] for name in images.values()}
    for place, item in enumerate(content["annotations"]):
        try:
            found[images[item["image_id"]]].append(_person(item, places))
        except KeyError as error:
            raise UserError(f"{path}: annotations[{place}]: no {error}, or no such image\nnext: mend this entry") from None
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}: annotations[{place}]: {error}\nnext: mend this entry") from None
    return {name: _stacked(path, name, people) for name, people in found.items()}


def is_labelled(image: Mapping[str, Any]) -> bool:
    """Whether an image says that its people are annotated, or says nothing; PoseTrack's videos are annotated in part."""
    return image.get("is_labeled", True) not in (False, 0) or image.get("has_labeled_person", False) in (True, 1)


def ignore_regions(image: Mapping[str, Any]) -> list[NDArray[np.float64]]:
    """The polygons of an image in which nobody is annotated, each (N, 2) x and y in pixels; `ignore_regions_x` and `_y` state them.

    Raises:
        ValueError: they are not lists of as many numbers, three at least.
    """
    across, down = (image.get(f"ignore_regions_{axis}") or [] for axis in "xy")
    if not isinstance(across, list) or not isinstance(down, list) or len(across) != len(down):
        raise ValueError("ignore_regions_x and ignore_regions_y must be lists of one length")
    found = []
    for xs, ys in zip(across, down, strict=True):
        if not _numbers(xs) or not _numbers(ys) or len(xs) != len(ys) or len(xs) < 3:
            raise ValueError("a region to ignore must be three or more points, as many x as y")
        found.append(np.array([xs, ys], np.float64).T)
    return found


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) in (int, float) and abs(value) <= FAR for value in values)


def _places(path: Path, categories: Any) -> Sequence[int]:
    """Where each of the 15 joints stands in a file's annotations."""
    stated = categories[0].get("keypoints") if isinstance(categories, list) and categories and isinstance(categories[0], dict) else None
    names = [SYNONYMS.get(str(name), str(name)) for name in stated or NAMES]
    lacking = [name for name in SCORED if name not in names]
    if lacking:
        raise UserError(f"{path}: its category has no joint {', '.join(lacking)}\nnext: name the joints as PoseTrack 2018 does")
    return [names.index(name) for name in SCORED]


def _person(item: Mapping[str, Any], places: Sequence[int]) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    joints = np.array(item["keypoints"], np.float64)
    if joints.size % 3 or joints.size <= 3 * max(places) or not np.isfinite(joints).all():
        raise ValueError("keypoints must be three numbers for each joint")
    points = joints.reshape(-1, 3)[places, :2]
    points[~points.any(1)] = np.nan
    box = item.get("bbox_head")
    head = np.array(box[2:4], np.float64) if isinstance(box, list) and len(box) == 4 else np.full(2, np.nan)
    return int(item["track_id"]), points, head


def _stacked(path: Path, name: str, people: Sequence[tuple[int, NDArray[np.float64], NDArray[np.float64]]]) -> Poses:
    identities = np.array([identity for identity, _, _ in people], np.int64)
    if len(np.unique(identities)) < len(identities):
        raise UserError(f"{path}: a track_id is in {name} twice: {sorted(identities.tolist())}\nnext: give each person one annotation")
    points = np.array([points for _, points, _ in people]).reshape(-1, len(SCORED), 2)
    return Poses(identities, points, np.array([head for _, _, head in people]).reshape(-1, 2))
