"""One annotation of a COCO file: its box, identity and marks, wherever exporters put them.

CVAT and others write what COCO has no key for into `attributes`: `track_id`, `occluded`, `rotation` (degrees clockwise about the box's
middle). A turned box is read as the upright box around it. A yes or no of `occluded` is no visible share, which stays 1.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pipeline.sources.records import lowered, number, yes

IDENTITIES = ("instance_id", "track_id")


class Item(NamedTuple):
    """What an annotation says.

    Attributes:
        box: left, top, right, bottom.
        category: its id.
        key: what the file calls the identity, None where it does not.
        visibility: in [0, 1].
        crowd: neither object nor background.
        turned: whether the box stood askew.
        occluded: whether it is marked as occluded, without a share.
    """

    box: list[float]
    category: int
    key: str | int | None
    visibility: float
    crowd: bool
    turned: bool
    occluded: bool


def read(item: dict[str, Any]) -> Item:
    """Read an annotation.

    Raises:
        ValueError: a part of it cannot be used.
    """
    box, attributes = item.get("bbox"), lowered(item.get("attributes"))
    if not isinstance(box, list) or len(box) != 4 or not all(number(value) for value in box):
        raise ValueError("bbox must be four numbers: left, top, width, height")
    angle = _first(item, attributes, "rotation") or 0.0
    if not number(angle):
        raise ValueError("rotation must be a number of degrees")
    corners = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
    turned = angle % 180 != 0 and box[2] > 0 and box[3] > 0
    seen, hidden = _first(item, attributes, "visibility"), _first(item, attributes, "occluded")
    return Item(
        box=hull(box, angle) if turned else corners,
        category=item.get("category_id"),  # type: ignore[arg-type]  # checked against the categories
        key=identity(item),
        visibility=float(min(max(seen, 0), 1)) if number(seen) else 1.0,
        crowd=any(yes(item.get(mark), mark) for mark in ("iscrowd", "ignore")),
        turned=turned,
        occluded=hidden in (1, True) or (isinstance(hidden, str) and hidden.lower() in ("true", "yes", "1")),
    )


def identity(item: Any) -> str | int | None:
    """What the annotation calls its object's identity; None where it does not, or says -1.

    Raises:
        ValueError: it is neither number nor text.
    """
    if not isinstance(item, dict):
        return None
    attributes = lowered(item.get("attributes"))
    key = next((value for name in IDENTITIES if (value := _first(item, attributes, name)) is not None), None)
    if not isinstance(key, (str, int, type(None))):
        raise ValueError("instance_id must be a number or text")
    return None if key == -1 else key


def hull(box: list[float], degrees: float) -> list[float]:
    """The upright box (left, top, right, bottom) around a box (left, top, width, height) turned about its middle."""
    angle = math.radians(degrees)
    across = abs(box[2] * math.cos(angle)) + abs(box[3] * math.sin(angle))
    along = abs(box[2] * math.sin(angle)) + abs(box[3] * math.cos(angle))
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    # the cosine of a right angle is not quite 0: nobody wants to read 70.00000000000001
    return [round(value, 9) for value in (x - across / 2, y - along / 2, x + across / 2, y + along / 2)]


def _first(item: dict[str, Any], attributes: dict[str, Any], name: str) -> Any:
    found = item.get(name)
    return found if found is not None else attributes.get(name)
