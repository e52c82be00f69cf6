"""Poses of people as PoseTrack 2018's JSON: images, annotations with 17 joints each, and the one category person."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found
from pipeline.walkers.joints import BONES, NAMES
from pipeline.walkers.render import Labels

MOST = 1000  # largest number of annotations per image, from which ids of annotations are made


def true_poses(frames: list[Labels], sequence: int) -> str:
    """gt/poses.json: the joints of each person that gt.txt lists, under the identity of gt.txt, riders included.

    A joint is x, y and whether it is seen; one that is hidden keeps its place and has 0, one outside the image is three zeros.

    Args:
        frames: labels with keypoints.
        sequence: 1-based number of the sequence, in the numbers of images.
    """
    items = []
    for frame, labels in enumerate(frames, start=1):
        for index, identity in enumerate(labels.identities.tolist()):
            item = _annotation(sequence, frame, index, labels.boxes[index], labels.keypoints[index])
            items.append(item | {"track_id": identity, "bbox_head": _xywh(labels.head_boxes[index]), "scores": []})
    return _document(sequence, len(frames), items)


def found_poses(frames: list[Found], poses: list[Array], sequence: int) -> str:
    """det/poses.json: the joints of each line of det.txt; `detection` counts the frame's lines of det.txt from 1.

    Args:
        frames: what was detected.
        poses: (N, 17, 3) x, y and score of each frame's detections, zeros for a joint that was missed.
        sequence: see `true_poses`.
    """
    items = []
    for frame, (found, points) in enumerate(zip(frames, poses, strict=True), start=1):
        for index, joints in enumerate(points):
            shown = np.concatenate([joints[:, :2], joints[:, 2:] > 0], axis=1)
            item = _annotation(sequence, frame, index, found.boxes[index], shown)
            scores = np.round(joints[:, 2], 4).tolist()
            items.append(item | {"detection": index + 1, "score": round(float(found.scores[index]), 4), "scores": scores})
    return _document(sequence, len(frames), items)


def _document(sequence: int, frames: int, annotations: list[dict[str, Any]]) -> str:
    images = [
        {
            "id": _image(sequence, frame),
            "frame_id": _image(sequence, frame),
            "vid_id": f"{sequence:06d}",
            "file_name": f"img1/{frame:06d}.jpg",
            "nframes": frames,
            "is_labeled": True,
        }
        for frame in range(1, frames + 1)
    ]
    skeleton = [[start + 1, end + 1] for start, end in BONES]
    category = {"supercategory": "person", "id": 1, "name": "person", "keypoints": list(NAMES), "skeleton": skeleton}
    return json.dumps({"images": images, "annotations": annotations, "categories": [category]}) + "\n"


def _annotation(sequence: int, frame: int, index: int, box: Array, joints: Array) -> dict[str, Any]:
    image = _image(sequence, frame)
    values: list[float] = np.round(joints, 2).reshape(-1).tolist()
    values[2::3] = map(int, values[2::3])
    return {
        "id": image * MOST + index,
        "image_id": image,
        "category_id": 1,
        "bbox": _xywh(box),
        "keypoints": values,
    }


def _image(sequence: int, frame: int) -> int:
    """PoseTrack's number of an image: a 1, six digits of the video, and those of the frame."""
    return int(f"1{sequence:06d}{frame:06d}")


def _xywh(box: Array) -> list[float]:
    left, top, right, bottom = box.tolist()
    return [round(left, 2), round(top, 2), round(right - left, 2), round(bottom - top, 2)]
