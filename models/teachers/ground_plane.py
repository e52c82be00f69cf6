"""Depth without a network: people stand on a plane, so their height in pixels tells how far each row of the ground is.

A camera of focal length f (pixels) at height H above a flat ground sees the foot of a person of height p at row y_b with a box of
height h = a (y_b - y_0), where y_0 is the horizon's row and a = p / H. The ground at row y lies at Z(y) = f p / (a (y - y_0)). The plane
(y_0, a) is fitted robustly to all boxes of a sequence; f and p are assumed (see FOCAL and PERSON), so depths are right up to one factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from pipeline.artifacts.store import Place
from pipeline.files.depth_codec import LARGEST_CODE, map_size
from pipeline.files.frames import Frame, frame_facts, read_frames
from pipeline.labelling.backend import FrameDepth, Labels
from pipeline.labelling.folders import Folder
from pipeline.params.classes import PEDESTRIAN
from pipeline.params.sections.data import LabelDepth

PERSON = 1.7  # metres
FOCAL = 1.0  # focal length over the image's longer side (53 degrees of view across it)
FAR = 300.0  # metres: the horizon, the sky and everything beyond
HEIGHT_NOISE = 0.12  # relative deviation of people's heights and of boxes
LEAST_RISE = 1e-3  # over the image's height: how close to the horizon a foot may come
BORDER = 2.0  # pixels from the image's edge within which a box counts as cut off
MOST_BOXES = 5000  # of a sequence, taken evenly
_COLUMNS = ["dataset", "sequence", "frame", "width", "height", "boxes", "classes", "confidences", "ignores"]


class Plane(NamedTuple):
    """A ground plane, in units of the image's height.

    Attributes:
        horizon: row of the horizon, y_0 / image height (below 0: above the image).
        slope: growth of box height with foot row, a = p / H.
    """

    horizon: float
    slope: float


class Belief(NamedTuple):
    """A normal prior of a plane: means and standard deviations of the horizon and of log(slope), in the units of `Plane`."""

    horizon: float
    horizon_deviation: float
    log_slope: float
    log_slope_deviation: float


# From eye level (a = 1) to a camera on a roof (a = 0.1), horizon above the middle of the image
BELIEF = Belief(horizon=0.3, horizon_deviation=0.4, log_slope=float(np.log(0.5)), log_slope_deviation=0.8)
_NARROWEST = (0.05, 0.15)  # deviations that a pooled belief keeps at least
_ENOUGH = 4  # people a still must show to count for the pooled belief


@dataclass(frozen=True)
class GroundPlane:
    """The backend.

    Attributes:
        size: longest side of the maps, pixels.
    """

    size: int

    def label(self, frames: Place) -> Labels:
        """Fit one plane to a video, or one to each still (held near the file's other stills where it shows few people)."""
        if frame_facts(frames)["kind"] == "stills":
            return self._stills(list(read_frames(frames, _COLUMNS)))
        boxes = np.concatenate([np.zeros((0, 2)), *(scaled_boxes(row) for row in read_frames(frames, _COLUMNS))])
        plane = fit(boxes) if len(boxes) else None
        facts = {"people": len(boxes), "planes": int(plane is not None)} | (plane._asdict() if plane else {})
        return Labels((draw(row, plane, self.size) for row in read_frames(frames, _COLUMNS)), facts)

    def _stills(self, rows: list[Frame]) -> Labels:
        planes = still_planes(rows)
        facts: dict[str, Any] = {"people": [int(usable(row).sum()) for row in rows]}
        pooled = [plane for plane in planes if plane is not None]
        if pooled:
            middle = {name: float(np.median([getattr(plane, name) for plane in pooled])) for name in Plane._fields}
            facts |= middle
        facts |= {"people": sum(facts["people"]), "planes": len(pooled)}
        return Labels((draw(row, plane, self.size) for row, plane in zip(rows, planes, strict=True)), facts)

    def pictures(self, frames: Place) -> list[Place]:
        """It reads no pictures: an empty list."""
        return []

    def check(self) -> dict[str, str]:
        """There is nothing to check beforehand, and nothing to report: an empty dict."""
        return {}


def build(params: LabelDepth, folders: dict[str, Folder]) -> GroundPlane:
    """Make the backend from its parameters."""
    return GroundPlane(size=params.map_size)


def fit(boxes: NDArray[np.float64], belief: Belief = BELIEF) -> Plane:
    """Fit a plane to people's feet and heights.

    Args:
        boxes: (N, 2) float64, foot row and height of each, over the image's height.
        belief: prior that decides where boxes say little; thousands of boxes outweigh it.

    Returns:
        The plane with the least robust (soft L1) cost of log(height) - log(a (y_b - y_0)), in deviations of HEIGHT_NOISE.
    """
    step = max(1, -(-len(boxes) // MOST_BOXES))
    feet, log_heights = boxes[::step, 0], np.log(boxes[::step, 1])

    def residuals(guess: NDArray[np.float64]) -> NDArray[np.float64]:
        rise = np.maximum(feet - guess[0], LEAST_RISE)
        deviations = (log_heights - guess[1] - np.log(rise)) / HEIGHT_NOISE
        # sqrt(1 + r^2) - 1 twice over is the soft L1 cost; the belief's own terms stay quadratic
        robust = np.sqrt(2 * (np.sqrt(1 + deviations**2) - 1))
        held = [(guess[0] - belief.horizon) / belief.horizon_deviation, (guess[1] - belief.log_slope) / belief.log_slope_deviation]
        return np.concatenate([robust, held])

    starts = [belief.horizon, belief.horizon - belief.horizon_deviation, min(belief.horizon + belief.horizon_deviation, 0.6)]
    found = [least_squares(residuals, [start, belief.log_slope]) for start in starts]
    best = min(found, key=lambda result: float(result.cost))
    return Plane(float(best.x[0]), float(np.exp(best.x[1])))


def still_planes(rows: list[Frame]) -> list[Plane | None]:
    """A plane for each still; None for all when no still shows anybody.

    A first pass fits the stills that show enough people; what their planes have in common is the prior of the second pass.
    """
    people = [scaled_boxes(row) for row in rows]
    first = [fit(boxes) for boxes in people if len(boxes) >= _ENOUGH]
    if not any(map(len, people)):
        return [None] * len(rows)
    belief = _pooled(first) if len(first) >= _ENOUGH else BELIEF
    alone = Plane(belief.horizon, float(np.exp(belief.log_slope)))
    return [fit(boxes, belief) if len(boxes) else alone for boxes in people]


def _pooled(planes: list[Plane]) -> Belief:
    """What these planes have in common: their median, and their spread (1.48 median deviations, the normal's own)."""
    horizons, slopes = np.array([plane.horizon for plane in planes]), np.log([plane.slope for plane in planes])
    spreads = [1.4826 * float(np.median(np.abs(values - np.median(values)))) for values in (horizons, slopes)]
    widths = [max(spread, narrowest) for spread, narrowest in zip(spreads, _NARROWEST, strict=True)]
    return Belief(float(np.median(horizons)), widths[0], float(np.median(slopes)), widths[1])


def usable(row: Frame) -> NDArray[np.bool_]:
    """(N,) bool: people who count for the fit, which leaves out ignored, unscored and cut-off boxes."""
    boxes = row.objects.boxes
    inside = (boxes[:, :2] > BORDER).all(1) & (boxes[:, 2] < row.width - BORDER) & (boxes[:, 3] < row.height - BORDER)
    standing = boxes[:, 3] - boxes[:, 1] > np.maximum(boxes[:, 2] - boxes[:, 0], 2.0)
    return np.asarray(inside & standing & people(row) & (row.objects.confidences != 0))


def people(row: Frame) -> NDArray[np.bool_]:
    """(N,) bool: pedestrians that are not ignored."""
    return np.asarray((row.objects.classes == PEDESTRIAN) & ~row.objects.ignores)


def scaled_boxes(row: Frame) -> NDArray[np.float64]:
    """(N, 2) float64: foot row and height of the usable boxes over the image's height."""
    boxes = row.objects.boxes[usable(row)].astype(np.float64) / row.height
    return np.stack([boxes[:, 3], boxes[:, 3] - boxes[:, 1]], axis=1)


def depth_of_rows(plane: Plane, rows: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    """Metres to the ground at image rows (over the image's height); FAR at the horizon and above."""
    focal = FOCAL * max(width, height) / height
    rise = np.maximum(rows - plane.horizon, LEAST_RISE)
    return np.minimum(focal * PERSON / (plane.slope * rise), FAR).astype(np.float32)


def draw(row: Frame, plane: Plane | None, size: int) -> FrameDepth:
    """The map of one frame: the ground by row, then each person as an upright ellipse at the depth of their feet, nearest last."""
    columns, lines = map_size(row.width, row.height, size)
    if plane is None:
        return FrameDepth(np.zeros((lines, columns), np.float32), np.zeros(len(row.objects), np.float32), FAR / LARGEST_CODE)
    ground = depth_of_rows(plane, (np.arange(lines) + 0.5) / lines, row.width, row.height)
    depth = np.repeat(ground[:, None], columns, axis=1)
    feet = np.minimum(row.objects.boxes[:, 3].astype(np.float64) / row.height, 2.0)
    objects = np.where(people(row), depth_of_rows(plane, feet, row.width, row.height), np.float32(0))
    scale = np.array([columns / row.width, lines / row.height] * 2, np.float32)
    for index in np.argsort(-objects, kind="stable"):
        if objects[index] > 0:
            _ellipse(depth, row.objects.boxes[index] * scale, float(objects[index]))
    return FrameDepth(depth, objects, FAR / LARGEST_CODE)


def _ellipse(depth: NDArray[np.float32], box: NDArray[np.float32], value: float) -> None:
    """Fill the ellipse inside a box (map pixels), at least the pixel at its centre."""
    lines, columns = depth.shape
    x1, y1, x2, y2 = box.astype(np.float64)
    left, right = (int(np.clip(x, 0, columns)) for x in (np.floor(x1), np.ceil(x2)))
    top, bottom = (int(np.clip(y, 0, lines)) for y in (np.floor(y1), np.ceil(y2)))
    across = (np.arange(left, right) + 0.5 - (x1 + x2) / 2) / max((x2 - x1) / 2, 1.0)
    down = (np.arange(top, bottom) + 0.5 - (y1 + y2) / 2) / max((y2 - y1) / 2, 1.0)
    depth[top:bottom, left:right][down[:, None] ** 2 + across[None, :] ** 2 <= 1] = value
