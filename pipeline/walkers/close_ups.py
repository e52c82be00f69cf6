"""Close-ups: fixed windows of a larger scene around one person who walks his height or more, for what follows masks and joints.

People of the data set are 68 to 150 pixels tall, 9 to 19 cells of a map of stride 8, and walk little in two seconds: too small to be
followed by cells, and too still to be lost by standing still. A window that followed the person would make the first pose repeated win.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.params.sections.data import RenderWalkers
from pipeline.walkers import gait
from pipeline.walkers.camera import Array
from pipeline.walkers.crowd import Tracks
from pipeline.walkers.people import Image
from pipeline.walkers.render import Labels, Seen, render
from pipeline.walkers.scene import Scene, sample_sequence

WIDTH, HEIGHT = 640, 360  # pixels of a window
SCENE = {"width": 1280, "height": 720, "frames": 150, "masks": True, "joints": True, "cyclists": 0}
STEP = 5  # frames between the beginnings that are tried
BODY = 0.12  # of a person's height, what the silhouette has around the joints
SEEN_FIRST, SEEN_LAST = 0.9, 0.5  # visible shares of the person in the first and in the last frame
LEAST = 1280  # visible pixels, 20 cells, of whoever else is worth following
LEAST_SHARE = 0.5  # and the visible share


class Window(NamedTuple):
    """Where a close-up is taken from: the person (from 0), the first frame (from 0), the left column and the top row."""

    person: int
    start: int
    left: int
    top: int


class Close(NamedTuple):
    """One frame: (360, 640, 3) uint8 blue-green-red image, and the labels of who can be followed from the first frame on."""

    image: Image
    labels: Labels


def close_up(section: RenderWalkers, seed: int, name: str, frames: int) -> Iterator[Close]:
    """The frames of one close-up; a function of seed, name and the parameters.

    Args:
        section: parameters of the data set; size and length of the scene are this module's.
        seed: of all close-ups.
        name: of this one; where nobody in its scene walks far enough in sight, further scenes of it are drawn.
        frames: how many, at least 2.

    Raises:
        ValueError: none of many scenes has somebody who walks far enough.
    """
    for attempt in range(100):
        scene = sample_sequence(section.model_copy(update=SCENE), seed, f"{name}/{attempt}", moving=False)
        for window in windows(scene, frames):
            if _in_sight(scene, window, frames):
                return _frames(scene, window, frames)
    raise ValueError(f"{name}: nobody walks his height in {frames} frames")


def windows(scene: Scene, frames: int) -> list[Window]:
    """The windows that hold one person wholly while he walks his height or more, the tallest first; one for each person at most."""
    boxes = _boxes(scene)
    found: list[tuple[float, Window]] = []
    for person in range(boxes.shape[1]):
        tried = [_window(boxes[start : start + frames, person], person, start) for start in range(0, len(boxes) - frames + 1, STEP)]
        fitting = [window for window in tried if window is not None]
        if fitting:
            found.append(max(fitting, key=lambda item: item[0]))
    return [window for _, window in sorted(found, key=lambda item: -item[0])]


def _window(boxes: Array, person: int, start: int) -> tuple[float, Window] | None:
    """The person's height in pixels and the window; None where he walks too little or does not fit."""
    tall = float((boxes[:, 3] - boxes[:, 1]).mean())
    feet = np.stack([boxes[:, [0, 2]].mean(1), boxes[:, 3]], 1)
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    image = np.array([SCENE["width"], SCENE["height"]])
    if np.linalg.norm(feet[-1] - feet[0]) < tall or (high - low > [WIDTH, HEIGHT]).any() or (low < 0).any() or (high > image).any():
        return None
    left, top = np.clip(np.rint((low + high - [WIDTH, HEIGHT]) / 2), 0, image - [WIDTH, HEIGHT]).astype(int).tolist()
    return tall, Window(person, start, left, top)


def _boxes(scene: Scene) -> Array:
    """(T, P, 4) xyxy pixels of about the silhouettes; of who is behind the camera, far outside."""
    tracks = scene.tracks
    found = []
    for index, camera in enumerate(scene.cameras):
        pose = tracks.positions[index], tracks.headings[index], tracks.phases[index], tracks.efforts[index]
        pixels, depths = camera.project(gait.skeletons(*pose, scene.stature))
        low, high = pixels.min(1), pixels.max(1)
        around = BODY * (high[:, 1:] - low[:, 1:])
        boxes = np.concatenate([low - around, high + around], 1)
        boxes[depths.min(1) < 1.5] = -1.0
        found.append(boxes)
    return np.stack(found)


def _in_sight(scene: Scene, window: Window, frames: int) -> bool:
    for index, least in ((window.start, SEEN_FIRST), (window.start + frames - 1, SEEN_LAST)):
        labels = next(iter(render(_cut(scene, index, 1)))).labels
        there = labels.identities == window.person + 1
        if not there.any() or labels.visibilities[there][0] < least:
            return False
    return True


def _frames(scene: Scene, window: Window, frames: int) -> Iterator[Close]:
    followed = None
    for frame in render(_cut(scene, window.start, frames), joints=True):
        rows, columns = slice(window.top, window.top + HEIGHT), slice(window.left, window.left + WIDTH)
        labels = _moved(frame.labels, window)
        if followed is None:
            areas = np.array([int(mask.pixels.sum()) for mask in labels.masks])
            followed = labels.identities[(areas >= LEAST) & (labels.visibilities >= LEAST_SHARE)]
        yield Close(frame.image[rows, columns], labels.take(np.isin(labels.identities, followed)))


def _cut(scene: Scene, start: int, count: int) -> Scene:
    """The scene's frames from `start` on."""
    part = slice(start, start + count)
    tracks = Tracks(*(column[part] for column in scene.tracks))
    return replace(scene, cameras=scene.cameras[part], tracks=tracks)


def _moved(labels: Labels, window: Window) -> Labels:
    """Labels in pixels of the window; joints outside it are three zeros."""
    shift = np.array([window.left, window.top], float)
    masks = np.empty(len(labels.masks), object)
    for index, mask in enumerate(labels.masks):
        masks[index] = _cropped(mask, window)
    points = labels.keypoints.copy()
    known = points.any(2)
    points[..., :2] -= shift
    known &= (points[..., :2] >= 0).all(2) & (points[..., :2] < [WIDTH, HEIGHT]).all(2)
    points[~known] = 0.0
    moved = {name: getattr(labels, name) - np.tile(shift, 2) for name in ("boxes", "visible_boxes", "head_boxes")}
    return labels._replace(masks=masks, keypoints=points, **moved)


def _cropped(mask: Seen, window: Window) -> Seen:
    left, top = mask.left - window.left, mask.top - window.top
    rows, columns = mask.pixels.shape
    above, before = max(-top, 0), max(-left, 0)
    pixels: Image = mask.pixels[above : max(min(rows, HEIGHT - top), above), before : max(min(columns, WIDTH - left), before)]
    return Seen(min(max(left, 0), WIDTH), min(max(top, 0), HEIGHT), pixels)
