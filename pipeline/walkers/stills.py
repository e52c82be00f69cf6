"""Stills as COCO: images, annotations with what was asked for (masks, joints), categories."""

from __future__ import annotations

import json
from typing import Any

from pipeline.files.run_lengths import encode_window
from pipeline.params.classes import CYCLIST, NAMES, PEDESTRIAN
from pipeline.params.sections.data import RenderWalkers
from pipeline.walkers import joints
from pipeline.walkers.camera import Array
from pipeline.walkers.labels import UNSURE
from pipeline.walkers.render import Labels, Seen

MOST = 1000  # largest number of annotations per image, from which ids of annotations are made
SEEN, HIDDEN = 2, 1  # COCO's marks of a joint; 0: not labelled


def record(name: str, number: int, labels: Labels, section: RenderWalkers) -> str:
    """One image and its annotations as a line of JSON, for `document` to join.

    Args:
        name: of the image's file, without suffix.
        number: of the image in its half, from 1.
        labels: the people in it.
        section: the stage's parameters.
    """
    image = {"id": number, "file_name": f"Images/{name}.jpg", "width": section.width, "height": section.height}
    items = [_annotation(number, index, labels, section) for index in range(len(labels.identities))]
    return json.dumps({"image": image, "annotations": items}) + "\n"


def document(texts: list[str], section: RenderWalkers) -> str:
    """The whole file of one half from the lines of its batches."""
    records = [json.loads(line) for text in texts for line in text.splitlines()]
    kinds = (PEDESTRIAN, CYCLIST) if section.cyclists else (PEDESTRIAN,)
    categories: list[dict[str, Any]] = [{"id": kind, "name": NAMES[kind], "supercategory": "person"} for kind in kinds]
    if section.joints:
        skeleton = [[start + 1, end + 1] for start, end in joints.BONES]
        categories = [category | {"keypoints": list(joints.NAMES), "skeleton": skeleton} for category in categories]
    found = {
        "images": [item["image"] for item in records],
        "annotations": [annotation for item in records for annotation in item["annotations"]],
        "categories": categories,
    }
    return json.dumps(found) + "\n"


def _annotation(number: int, index: int, labels: Labels, section: RenderWalkers) -> dict[str, Any]:
    """One person; whom an annotator could not see is to be ignored, as in the stills without cyclists."""
    left, top, right, bottom = labels.boxes[index].tolist()
    visibility, mask = float(labels.visibilities[index]), labels.masks[index]
    found: dict[str, Any] = {
        "id": number * MOST + index,
        "image_id": number,
        "category_id": int(labels.classes[index]),
        "bbox": [round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)],
        "area": int(mask.pixels.sum()),
        "iscrowd": 0,
        "ignore": int(visibility < UNSURE),
        "visibility": round(visibility, 2),
    }
    if section.masks:
        found["segmentation"] = _segmentation(mask, section)
    if section.joints:
        found |= _joints(labels.keypoints[index])
    return found


def _segmentation(mask: Seen, section: RenderWalkers) -> dict[str, Any]:
    counts = encode_window(mask.pixels, mask.left, mask.top, section.height, section.width)
    return {"size": [section.height, section.width], "counts": counts}


def _joints(points: Array) -> dict[str, Any]:
    marks = [0 if not point.any() else SEEN if point[2] > 0 else HIDDEN for point in points]
    values = [value for point, mark in zip(points, marks, strict=True) for value in (round(point[0], 2), round(point[1], 2), mark)]
    return {"keypoints": values, "num_keypoints": sum(mark > 0 for mark in marks)}
