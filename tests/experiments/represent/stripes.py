"""People of different colours who walk, with masks, joints and what a detector finds of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.represent.joined_poses import PLACES
from experiments.represent.shown import Shown
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.files.run_lengths import encode_mask
from pipeline.files.schema import Extras

WIDTH, HEIGHT, FRAMES, JOINTS = 256, 128, 6, 17
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
TALL, WIDE = 80, 32


def write(path: Path, lefts: list[list[int]]) -> list[Shown]:
    """A frame file of people 32 wide and 80 tall, whose left sides are given by frame; joints lie on a grid in them."""
    extras = Extras(masks=True, keypoints=JOINTS, categories=True, public_masks=True, public_keypoints=JOINTS)
    with FrameWriter(path, {"frame_rate": 10.0, "ground_truth": True}, extras=extras) as writer:
        for number, places in enumerate(lefts, 1):
            writer.write(_frame(number, places))
    return [Shown(path, (1, len(lefts)))]


def _frame(number: int, places: list[int]) -> Frame:
    count, image = len(places), np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    masks, points = np.empty(count, object), np.zeros((count, JOINTS, 3), np.float32)
    boxes = np.array([(left, 24, left + WIDE, 24 + TALL) for left in places], np.float32).reshape(-1, 4)
    for person, (colour, left) in enumerate(zip(COLOURS, places, strict=False)):
        image[24 : 24 + TALL, left : left + WIDE] = colour
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        mask[24 : 24 + TALL, left : left + WIDE] = True
        masks[person], points[person] = encode_mask(mask), _joints(left)
    sure = np.ones(count, np.float32)
    names = np.array(["person", "person", "tree", "tree"][:count], object)
    objects = Objects(boxes, np.arange(1, count + 1), np.ones(count, np.int32), sure, sure, np.zeros(count, np.bool_), masks, points, names)
    found = boxes, sure, masks, points
    return Frame("d", "s", number, number / 10, WIDTH, HEIGHT, encode_jpeg(image, 95), objects, *found)


def _joints(left: int) -> NDArray[np.float32]:
    points = np.zeros((JOINTS, 3), np.float32)
    for order, place in enumerate(PLACES):
        points[place] = left + 4 + 12 * (order % 3), 28 + 16 * (order // 3), 1
    return points
