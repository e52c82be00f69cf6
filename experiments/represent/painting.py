"""Shapes drawn on a picture: filled masks, boxes and limbs in the colour of their identity, and the truth thin and white above them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from experiments.represent.shapes import Drawn, Shape
from models.unitrack.pose_objects import LIMBS
from pipeline.tracking.drawing import FONT, TRUTH, Boxes, Colour, Image, Painter, colour_of, letters_on
from pipeline.walkers.joints import BONES

OPACITY = 0.5  # of a mask
FINE = 16  # parts of a pixel that joints are drawn to
SHIFT = 4  # FINE as a power of two
BONES_OF = {17: BONES, 15: LIMBS}  # by number of joints; other people's joints have none
JOINT_RADIUS, LETTERS = 3, 0.42


class ShapePainter:
    """Draws one sequence frame by frame; boxes leave a trail.

    Args:
        trail_frames: frames that a trail reaches back.
    """

    def __init__(self, trail_frames: int) -> None:
        self._boxes = Painter(trail_frames)

    def paint(self, image: Image, drawn: Drawn) -> Image:
        """The picture (H, W, 3) uint8 RGB with what was found and what is true; the input is not changed."""
        canvas = self._filled(image, drawn.found)
        for shape in drawn.truth:
            _outline(canvas, shape)
        for shape in drawn.found:
            if shape.joints is not None:
                _limbs(canvas, shape.joints, colour_of(shape.identity), 2)
        return self._labelled(canvas, drawn)

    def _filled(self, image: Image, found: list[Shape]) -> Image:
        canvas = image.astype(np.float32)
        for shape in found:
            if shape.mask is not None:
                canvas[shape.mask] += OPACITY * (np.array(colour_of(shape.identity), np.float32) - canvas[shape.mask])
        return np.rint(canvas).astype(np.uint8)

    def _labelled(self, canvas: Image, drawn: Drawn) -> Image:
        """Boxes with trails, as tracked clips have them, and the identities and classes of the others."""
        boxed = [shape for shape in drawn.found if shape.box is not None]
        truth = [shape.box for shape in drawn.truth if shape.box is not None]
        if boxed or truth:
            boxes = np.array([shape.box for shape in boxed], np.float32).reshape(-1, 4)
            identities = np.array([shape.identity for shape in boxed], np.int64)
            canvas = self._boxes.paint(
                canvas, Boxes(boxes, identities, np.zeros(len(boxed), np.bool_)), np.array(truth, np.float32).reshape(-1, 4)
            )
        for shape in drawn.found:
            if shape.box is None:
                _label(canvas, shape)
        return canvas


def _outline(canvas: Image, shape: Shape) -> None:
    if shape.mask is not None:
        contours = cv2.findContours(shape.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(canvas, contours, -1, TRUTH, 1)
    if shape.joints is not None:
        _limbs(canvas, shape.joints, TRUTH, 1)


def _limbs(canvas: Image, joints: NDArray[np.floating], colour: Colour, width: int) -> None:
    """Lines between known joints, and dots where they are found rather than true."""
    known = np.isfinite(joints).all(1)
    places = np.rint(np.where(known[:, None], joints, 0) * FINE).astype(int).tolist()
    for start, end in BONES_OF.get(len(joints), ()):
        if known[start] and known[end]:
            cv2.line(canvas, places[start], places[end], colour, width, cv2.LINE_AA, SHIFT)
    for place in np.flatnonzero(known) if width > 1 else ():
        cv2.circle(canvas, places[place], JOINT_RADIUS * FINE, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)


def _label(canvas: Image, shape: Shape) -> None:
    """Identity and class, above the middle of the shape's highest point; shapes without any have none."""
    if shape.mask is not None:
        rows, columns = np.nonzero(shape.mask)
    else:
        assert shape.joints is not None
        columns, rows = shape.joints[np.isfinite(shape.joints).all(1)].T
    if len(rows):
        text, background = f"{shape.identity} {shape.name}".rstrip(), colour_of(shape.identity)
        (width, height), _ = cv2.getTextSize(text, FONT, LETTERS, 1)
        left = int(np.clip(columns.mean() - width / 2, 0, max(canvas.shape[1] - width - 2, 0)))
        base = int(np.clip(rows.min() - 4, height + 1, canvas.shape[0] - 2))
        cv2.rectangle(canvas, (left, base - height - 2), (left + width + 1, base + 2), background, cv2.FILLED)
        cv2.putText(canvas, text, (left + 1, base), FONT, LETTERS, letters_on(background), 1, cv2.LINE_AA)
