"""The heads of the association tasks: feature map and detections in, identities out (MOT, MOTS, pose tracking, VIS)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.unitrack import observations
from models.unitrack.box_looks import box_looks
from models.unitrack.options import TASKS, AssociationOptions
from models.unitrack.point_vectors import clean
from models.unitrack.tracker import AssociationTracker, Joined

Task = Literal["mot", "mots", "pose", "vis"]


class AssociationHead:
    """The memory of one sequence. `Joined.detections` says which mask, pose or box each identity has in the frame.

    Args:
        task: its options are taken where none are given, and it sets how many cells a mask is read at.
        frame_rate: frames per second.
        options: of the association; None: those of the task.

    Attributes:
        broken: point vectors so far that were not finite.
    """

    def __init__(self, task: Task, *, frame_rate: float, options: AssociationOptions | None = None) -> None:
        self._task, self._options = task, options or TASKS[task]
        self._tracker = AssociationTracker(self._options, frame_rate=frame_rate)
        self._centre = self._options.similarity == "cf"
        self.broken = 0

    @property
    def unusable(self) -> int:
        """Detections so far that no track could take: without a box, or on one that is there already."""
        return self._tracker.unusable

    def boxes(self, features: Tensor, boxes: NDArray[np.float32], scores: NDArray[np.float32], categories: NDArray[np.int64]) -> Joined:
        """Advance by a frame of boxes (N, 4), xyxy pixels of the image whose map (C, h, w) has stride 8."""
        looks = box_looks(self._cleaned(features), torch.from_numpy(boxes), 8, region=self._options.region, centre=self._centre)
        one_size = self._options.similarity == "gf"
        return self._tracker.update(observations.of_boxes(boxes, scores, categories, looks.cpu().numpy(), one_size=one_size))

    def masks(self, features: Tensor, masks: Tensor, scores: NDArray[np.float32], categories: NDArray[np.int64]) -> Joined:
        """Advance by a frame of masks (N, H, W) bool of the image whose map is (C, h, w)."""
        cleaned, task = self._cleaned(features), "vis" if self._task == "vis" else "mots"
        return self._tracker.update(observations.of_masks(cleaned, masks, scores, categories, task=task, centre=self._centre))

    def poses(self, features: Tensor, poses: NDArray[np.floating], scores: NDArray[np.float32], image_size: tuple[int, int]) -> Joined:
        """Advance by a frame of poses (N, 15, 2) in pixels of the image (height, width) whose map is (C, h, w)."""
        return self._tracker.update(observations.of_poses(self._cleaned(features), poses, scores, image_size))

    def _cleaned(self, features: Tensor) -> Tensor:
        cleaned = clean(features.to(torch.float32))
        self.broken += cleaned.broken
        return cleaned.features
