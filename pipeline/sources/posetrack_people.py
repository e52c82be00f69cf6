"""What a file of PoseTrack 2018's layout says of people: which image each is in, a box, joints by name, scores of a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.posetrack_json import NAMES, SYNONYMS
from pipeline.sources.place import Place
from pipeline.sources.records import number
from pipeline.sources.shaped import hull

Key = int | str  # of an image


class Person(NamedTuple):
    """An annotation.

    Attributes:
        box: left, top, right, bottom.
        joints: (17, 3) x, y and mark or score in the order of `NAMES`, zeros where there is no joint.
        boxless: whether the box is that around the joints, since none is stated.
    """

    box: list[float]
    joints: NDArray[np.float32]
    boxless: bool


class JointOrder(NamedTuple):
    """Where each joint of a file stands among PoseTrack 2018's (None: nowhere), and what is to be said of that."""

    places: Sequence[int | None]
    notes: Sequence[str] = ()


def check(path: Place, content: Any) -> None:
    """Refuse what is no such file.

    Raises:
        UserError: there are no lists of images and annotations.
    """
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in ("images", "annotations")):
        raise UserError(f"{path}: not PoseTrack 2018: expected lists images, annotations\nnext: move the file out of the root")


def joint_order(path: Place, content: dict[str, Any]) -> JointOrder:
    """The joints that the file's category names, PoseTrack 2018's where it names none.

    Raises:
        UserError: the names are no names, or a joint is there twice.
    """
    listed = content.get("categories")
    stated = listed[0].get("keypoints") if isinstance(listed, list) and listed and isinstance(listed[0], dict) else None
    if stated is None:
        return JointOrder(range(len(NAMES)))
    names = [SYNONYMS.get(str(name), str(name)) for name in stated] if isinstance(stated, list) else []
    known = [name for name in names if name in NAMES]
    if not known or len(set(known)) < len(known):
        raise UserError(
            f"{path}: categories[0].keypoints: expected names of joints, each once\n"
            f"next: name them as PoseTrack 2018 does: {', '.join(NAMES)}"
        )
    lacking, further = [name for name in NAMES if name not in known], [name for name in names if name not in NAMES]
    notes = [f"{path.stem}: it has no joint {', '.join(lacking)}; read as not annotated"] if lacking else []
    notes += [f"{path.stem}: joint {', '.join(further)} is none of PoseTrack 2018's; left out"] if further else []
    return JointOrder([NAMES.index(name) if name in NAMES else None for name in names], notes)


def by_image(items: Sequence[Any], complain: Callable[[int, str], None]) -> dict[Key, list[int]]:
    """Places of the annotations by the image that they name; `complain` gets the place of one that names none."""
    found: dict[Key, list[int]] = {}
    for place, item in enumerate(items):
        owner = item.get("image_id") if isinstance(item, dict) else None
        if isinstance(owner, (int, str)):
            found.setdefault(owner, []).append(place)
        else:
            complain(place, "image_id must be an image's")
    return found


def read_person(item: dict[str, Any], order: JointOrder) -> Person:
    """Read an annotation.

    Raises:
        ValueError: its joints or its box cannot be used.
    """
    values, box = item.get("keypoints") or [], item.get("bbox")
    if not isinstance(values, list) or not all(map(number, values)) or len(values) not in (0, 3 * len(order.places)):
        raise ValueError(f"keypoints must be three numbers for each of {len(order.places)} joints")
    joints = np.zeros((len(NAMES), 3), np.float32)
    for joint, place in enumerate(order.places if values else []):
        if place is not None:
            joints[place] = values[3 * joint : 3 * joint + 3]
    there = joints[:, :2].any(1)
    joints[~there] = 0
    if box is None and there.any():
        return Person(hull(joints[there, :2]), joints, True)
    if not isinstance(box, list) or len(box) != 4 or not all(map(number, box)):
        raise ValueError("bbox must be four numbers: left, top, width, height")
    return Person([box[0], box[1], box[0] + box[2], box[1] + box[3]], joints, False)


def read_detection(item: dict[str, Any], order: JointOrder) -> tuple[Person, float]:
    """A detected person, the third number of whose joints is their score, with the score of the whole.

    That is `score`, or else the mean of `scores` over the joints that were found.

    Raises:
        ValueError: it cannot be used, or there is no score.
    """
    person, scores, sure = read_person(item, order), item.get("scores") or None, item.get("score")
    if scores is not None:
        if not isinstance(scores, list) or len(scores) != len(order.places) or not all(map(number, scores)):
            raise ValueError(f"scores must be a number for each of {len(order.places)} joints")
        for score, place in zip(scores, order.places, strict=True):
            if place is not None and person.joints[place, :2].any():
                person.joints[place, 2] = score
    there = person.joints[:, :2].any(1)
    if sure is None and scores is not None and there.any():
        sure = float(person.joints[there, 2].mean())
    if not number(sure):
        raise ValueError("a detection needs a number score, or scores of its joints")
    if not (person.box[2] > person.box[0] and person.box[3] > person.box[1]):
        raise ValueError("width and height of the box must be above 0")
    return person, float(sure)
