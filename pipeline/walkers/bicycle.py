"""Draws the bicycle under a cyclist onto the cyclist's canvas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.walkers.camera import Array
from pipeline.walkers.draw import Canvas
from pipeline.walkers.people import Colour

TYRE, TUBE, SPOKE = 0.042, 0.034, 0.008  # metres wide
RUBBER, METAL = (34, 34, 36), (120, 122, 126)
SPOKES = 7
REAR, FRONT = 0, 1
REAR_AXLE, FRONT_AXLE, CRANKS, SADDLE, HEAD_TUBE, HANDLEBAR = range(6)
TUBES = ((REAR_AXLE, CRANKS), (REAR_AXLE, SADDLE), (CRANKS, SADDLE), (CRANKS, HEAD_TUBE), (SADDLE, HEAD_TUBE))


class Bicycle(NamedTuple):
    """A bicycle as the camera sees it, in frame pixels; the fields of `riding.Bicycles` projected.

    Attributes:
        rims: (2, R, 2) rear and front wheel.
        frame: (6, 2) as named above.
        bar: (2, 2) left and right end of the handlebar.
        pedals: (2, 2) left and right.
        scale: pixels per metre.
        colour: of the frame.
    """

    rims: Array
    frame: Array
    bar: Array
    pedals: Array
    scale: float
    colour: Colour

    @property
    def points(self) -> Array:
        """(N, 2) frame pixels that the canvas has to hold."""
        return np.concatenate([self.rims.reshape(-1, 2), self.frame, self.bar])

    def paint(self, canvas: Canvas, light: float) -> None:
        """Everything but what is steered: rear wheel, tubes, saddle, cranks."""
        self._wheel(canvas, REAR, light)
        for start, end in TUBES:
            self._line(canvas, self.frame[[start, end]], TUBE, _lit(self.colour, light))
        self._line(canvas, self.pedals, 0.03, _lit(METAL, light))
        saddle = self.frame[SADDLE]
        along = 0.11 * (self.frame[HEAD_TUBE] - saddle) / (np.hypot(*(self.frame[HEAD_TUBE] - saddle)) + 1e-9) * self.scale
        self._line(canvas, np.array([saddle - along, saddle + along]), 0.06, _lit(RUBBER, light))

    def paint_steered(self, canvas: Canvas, light: float) -> None:
        """Front wheel, fork and handlebar."""
        self._wheel(canvas, FRONT, light)
        self._line(canvas, self.frame[[FRONT_AXLE, HEAD_TUBE, HANDLEBAR]], TUBE, _lit(self.colour, light))
        self._line(canvas, self.bar, 0.035, _lit(RUBBER, light))

    def _wheel(self, canvas: Canvas, which: int, light: float) -> None:
        hub = self.frame[REAR_AXLE if which == REAR else FRONT_AXLE]
        for index in np.linspace(0, len(self.rims[which]), SPOKES, endpoint=False).astype(int):
            self._line(canvas, np.array([hub, self.rims[which][index]]), SPOKE, _lit(METAL, light))
        canvas.stroke(self.rims[which], TYRE * self.scale, _lit(RUBBER, light), closed=True)

    def _line(self, canvas: Canvas, points: Array, width: float, colour: Colour) -> None:
        canvas.stroke(points, width * self.scale, colour)


def _lit(colour: Colour, light: float) -> Colour:
    return int(min(255.0, colour[0] * light)), int(min(255.0, colour[1] * light)), int(min(255.0, colour[2] * light))
