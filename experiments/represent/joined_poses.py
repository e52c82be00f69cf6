"""Pose tracking: a detector's poses joined to tracks (Tables 1, 2 and 7 of UniTrack), scored as PoseTrack does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from experiments.represent.ways import WAYS, Ways
from models.unitrack.observations import of_poses
from models.unitrack.pose_objects import JOINTS
from pipeline.files.frames import Frame, frame_facts
from pipeline.files.posetrack_json import NAMES, SCORED
from pipeline.scoring.pose_tracking import PoseFrame, score

PLACES = tuple(NAMES.index(name) for name in SCORED)  # of the joints that `pose_objects` and the benchmark know among PoseTrack 2018's
NECK, TOP = 1, 2
SURE = 0.3  # least score of a detection
Found = dict[str, list[PoseFrame]]


class JoinedPoses:
    """One sequence; see `shown.Watcher`."""

    def __init__(self, rate: float) -> None:
        self._ways = Ways("pose", rate)
        self._frames: Found = {name: [] for name in WAYS}

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame."""
        sure = frame.public_scores >= SURE
        keypoints = np.zeros((len(sure), 17, 3), np.float32) if frame.public_keypoints is None else frame.public_keypoints
        poses, scores = of_fifteen(keypoints[sure]), frame.public_scores[sure]
        identities, truth, heads = _true(frame)
        for name, joined in self._ways.update(of_poses(features, poses, scores, (frame.height, frame.width))).items():
            self._frames[name].append(PoseFrame(identities, truth, heads, joined.identities, poses[joined.detections]))

    def result(self) -> Found:
        """The frames of each way."""
        return self._frames


def begin(shown: Shown, seed: int) -> JoinedPoses:
    """The watcher of one sequence; nothing here is drawn by `seed`."""
    return JoinedPoses(float(frame_facts(shown.frames)["frame_rate"]))


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """IDF1 and MOTA as means over joints, switches as their sum."""
    return {name: score([sequence[name] for sequence in found], JOINTS).totals for name in WAYS}


def of_fifteen(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 17, 3) joints of PoseTrack 2018 as (N, 15, 2) of the benchmark, NaN where there is none."""
    points = keypoints[:, PLACES, :2].astype(np.float32)
    points[~points.any(2)] = np.nan
    return points


def _true(frame: Frame) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """Identities (N,), points (N, 15, 2) and head sizes (N,) in pixels of the people who have joints.

    The head's box is square about the line from neck to top where nothing better is known: PoseTrack's own boxes are not in frame files.
    """
    objects = frame.objects
    if objects.keypoints is None:
        return np.zeros(0, np.int64), np.zeros((0, JOINTS, 2), np.float32), np.zeros(0)
    there = objects.keypoints[..., :2].any((1, 2)) & (objects.confidences > 0)
    keypoints = objects.keypoints[there].astype(np.float64)
    long = np.linalg.norm(keypoints[:, TOP, :2] - keypoints[:, NECK, :2], axis=1)
    unknown = ~(keypoints[:, NECK, :2].any(axis=1) & keypoints[:, TOP, :2].any(axis=1))
    long[unknown] = (objects.boxes[there][unknown, 3] - objects.boxes[there][unknown, 1]) / 7
    return objects.identities[there], of_fifteen(objects.keypoints[there]), np.sqrt(2) * long
