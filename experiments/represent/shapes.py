"""What a finished part has to show in a frame, as shapes to draw: boxes, masks and joints of who was followed or joined.

Nothing that judges imports this, so that no part is judged anew for a change of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.represent import followed_boxes, followed_masks, joined_masks
from experiments.represent.followed_boxes import FAR
from experiments.represent.followed_masks import masks_of
from experiments.represent.followed_poses import poses_of
from experiments.represent.joined_instances import number_of, true_instances
from experiments.represent.joined_masks import detected
from pipeline.files.frames import Frame
from pipeline.files.run_lengths import decode_mask
from pipeline.numerics.boxes import xywh_to_xyxy
from pipeline.params.classes import NAMES
from pipeline.scoring.pose_tracking import PoseFrame
from pipeline.scoring.sequences import ScoredSequence
from pipeline.scoring.track_ap import VideoTracks

JOINED = "RSM"  # whose tracks are drawn


class Shape(NamedTuple):
    """One object in a frame.

    Attributes:
        identity: decides its colour.
        box: (4,) xyxy pixels.
        mask: (H, W).
        joints: (P, 2) pixels, NaN where not known.
        name: of its class, where there are several.
    """

    identity: int
    box: NDArray[np.floating] | None = None
    mask: NDArray[np.bool_] | None = None
    joints: NDArray[np.floating] | None = None
    name: str = ""


class Drawn(NamedTuple):
    """A frame's shapes: what was found, and what is true."""

    found: list[Shape]
    truth: list[Shape]


def shapes(task: str, found: Any, frame: Frame, index: int) -> Drawn:
    """The shapes of a frame.

    Args:
        task: of `tasks.TASKS`.
        found: the result of a part of it.
        frame: of the part's sequence.
        index: of the frame among those that were judged, from 0.
    """
    return _OF_TASK[task](found, frame, index)


def _sot(found: followed_boxes.Found, frame: Frame, index: int) -> Drawn:
    people = [pair for pair in found["DCF"] if index < len(pair[0])]
    truth, boxes = ([Shape(place + 1, box=_from_otb(pair[of][index])) for place, pair in enumerate(people)] for of in (0, 1))
    return Drawn(boxes, truth)


def _vos(found: followed_masks.Found, frame: Frame, index: int) -> Drawn:
    masks = [Shape(identity, mask=_decoded(texts[index], frame)) for identity, texts in found.masks.items()]
    return Drawn(masks, [Shape(identity, mask=mask) for identity, mask in masks_of(frame).items() if identity in found.masks])


def _mot(found: dict[str, ScoredSequence], frame: Frame, index: int) -> Drawn:
    """The boxes are the true ones."""
    rows = found[JOINED].results
    here = np.flatnonzero(rows.frame == frame.frame)
    boxes = xywh_to_xyxy(rows.boxes[here])
    return Drawn([Shape(identity, box=box) for identity, box in zip(rows.identity[here].tolist(), boxes, strict=True)], [])


def _mots(found: joined_masks.Found, frame: Frame, index: int) -> Drawn:
    masks, (identities, places) = detected(frame)[0], found.tracks[index]
    tracks = [Shape(identity, mask=masks[place]) for identity, place in zip(identities.tolist(), places.tolist(), strict=True)]
    return Drawn(tracks, [Shape(identity, mask=mask) for identity, mask in masks_of(frame).items()])


def _pose(found: dict[str, list[PoseFrame]], frame: Frame, index: int) -> Drawn:
    here = found[JOINED][index]
    results, truth = ((here.results, here.result_points), (here.truth, here.truth_points))
    drawn = [
        [Shape(identity, joints=points) for identity, points in zip(ids.tolist(), poses, strict=True)] for ids, poses in (results, truth)
    ]
    return Drawn(*drawn)


def _propagation(found: Any, frame: Frame, index: int) -> Drawn:
    joints = [Shape(identity, joints=points[index]) for identity, points in found.joints.items()]
    return Drawn(joints, [Shape(identity, joints=points) for identity, points in poses_of(frame).items() if identity in found.joints])


def _vis(found: dict[str, VideoTracks], frame: Frame, index: int) -> Drawn:
    objects = frame.objects
    names = objects.categories if objects.categories is not None else [NAMES[kind] for kind in objects.classes.tolist()]
    known = {number_of(name): str(name) for name in names}
    tracks = [
        Shape(place + 1, mask=_decoded(track.masks[frame.frame], frame), name=known.get(track.category, ""))
        for place, track in enumerate(found[JOINED].results)
        if frame.frame in track.masks
    ]
    identities, _, masks = true_instances(frame)
    return Drawn(tracks, [Shape(identity, mask=mask) for identity, mask in zip(identities, masks, strict=True)])


_OF_TASK: dict[str, Callable[[Any, Frame, int], Drawn]] = {
    "sot": _sot,
    "vos": _vos,
    "mot": _mot,
    "mots": _mots,
    "pose": _pose,
    "propagation": _propagation,
    "vis": _vis,
}


def _decoded(text: str, frame: Frame) -> NDArray[np.bool_]:
    return decode_mask(text, frame.height, frame.width)


def _from_otb(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box (4,) xyxy pixels; see `followed_boxes`."""
    return np.concatenate([box[:2] - FAR, box[:2] - FAR + box[2:]])
