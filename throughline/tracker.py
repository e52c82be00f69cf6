"""A trained tracker in a program of your own: one frame in, the people in it out.

from throughline import Tracker

tracker = Tracker.load("models:/outrack@champion")
for frame in frames:  # (H, W, 3) uint8, RGB
    tracks = tracker(frame)
    print(tracks.identities, tracks.boxes)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipeline.contract.spec import ModelSpec
    from pipeline.contract.tracks import Tracks
    from pipeline.tracking.detector import Detector, LiveTracking
    from pipeline.tracking.external_boxes import Given

FRAME_RATE = 25.0  # frames per second where none is given


class Tracker:
    """A trained model that tracks one video after another, whatever its system is.

    The tracks of a frame are returned before the next frame is needed, and equal those that offline tracking gives for the same frames.
    Objects of this class share no state: each numbers identities from 1 by itself.

    Args:
        detector: the loaded network (see `load`).
        frame_rate: frames per second, above 0; trackers scale with it how long they remember a lost object.

    Raises:
        ValueError: `frame_rate` is not above 0.
    """

    def __init__(self, detector: Detector, frame_rate: float = FRAME_RATE) -> None:
        self._detector, self._frame_rate = detector, frame_rate
        self._frame, self._size = 0, (0, 0, 0)
        self._told = False  # whether boxes are given
        self.reset()

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        frame_rate: float = FRAME_RATE,
        tracking_uri: str | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
    ) -> Self:
        """Load a model; on a GPU where this process has one.

        Args:
            model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder that holds weights.safetensors and model.json.
            frame_rate: frames per second, above 0.
            tracking_uri: MLflow store of the registry; None: as `throughline.where.tracking_uri` finds it.
            precision: of the network; auto: bfloat16 where the device multiplies it natively.

        Raises:
            UserError: there is no such model, or it cannot be used.
        """
        return cls(load_network(find_model(str(model), tracking_uri), precision), frame_rate)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what is tracked; `Tracks.classes` are indices into it."""
        return self._detector.classes

    @property
    def frame(self) -> int:
        """Number of the last frame, from 1; 0 before the first."""
        return self._frame

    def __call__(
        self,
        frame: NDArray[np.uint8],
        *,
        number: int | None = None,
        boxes: ArrayLike | None = None,
        scores: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Tracks:
        """Track the next frame.

        Args:
            frame: (H, W, 3) uint8, RGB; of one size until `reset`.
            number: of the frame, above the last one's, where some are missing in between; None: the next.
            boxes: (N, 4) xyxy pixels of another detector, in the place of the network's own; in every frame or in none.
            scores: (N,) of these boxes, 0 to 1; None: all are sure.
            classes: (N,) of these boxes, indices into `classes`; None: all are of the first.

        Returns:
            Boxes in pixels of the frame with identities from 1, scores and classes (`pipeline.contract.tracks.Tracks`).

        Raises:
            ValueError: an argument is not of this shape, type or order.
            UserError: the model detects nothing by itself and got no boxes, or the network has diverged.
        """
        from pipeline.errors import UserError
        from pipeline.tracking.detector import Picture

        image, given = self._checked(frame), _given(boxes, scores, classes)
        if given is None and self._detector.spec.detection.decode is None:
            raise UserError(f"{self._detector.spec.name} detects nothing by itself\nnext: call the tracker with boxes=, (N, 4) xyxy pixels")
        if self._frame and self._told != (given is not None):
            raise ValueError("boxes are given in every frame of a video or in none; call reset() before the next video")
        step = self._frame + 1 if number is None else number
        if step <= self._frame:
            raise ValueError(f"frame {step} comes after frame {self._frame}; call reset() before the next video")
        tracks = self._live.step(Picture(step, image, given=given)).tracks
        self._frame, self._size, self._told = step, image.shape, given is not None
        return tracks

    def reset(self, frame_rate: float | None = None) -> None:
        """Forget all objects, before another video: identities start at 1 again, frame numbers at 1.

        Args:
            frame_rate: frames per second of the next video; None: as before.

        Raises:
            ValueError: `frame_rate` is not above 0.
        """
        from pipeline.tracking.detector import LiveTracking

        self._frame_rate = self._frame_rate if frame_rate is None else float(frame_rate)
        if not self._frame_rate > 0:
            raise ValueError(f"frame_rate must be above 0, not {self._frame_rate}")
        self._live: LiveTracking = LiveTracking(self._detector, self._frame_rate)
        self._frame = 0

    def _checked(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            what = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
            raise ValueError(f"a frame is an array (H, W, 3) of uint8, RGB; this is {what}")
        if self._frame and frame.shape != self._size:
            raise ValueError(
                f"one video has frames of one size: {self._size} before, {frame.shape} now; call reset() before the next video"
            )
        return np.ascontiguousarray(frame)


def find_model(model: str, tracking_uri: str | None = None, key: str = "model") -> tuple[ModelSpec, BaseModel, Path]:
    """A model's system, options and folder.

    Args:
        model: as `Tracker.load`'s.
        tracking_uri: as `Tracker.load`'s.
        key: what the user wrote the name to, for messages.

    Raises:
        UserError: there is no such model.
    """
    from models import of_card
    from pipeline.files.model_folder import CARD, load_model
    from pipeline.registry.model_source import REGISTRY, local_model
    from throughline import where

    store = where.tracking_uri(tracking_uri) if model.startswith(REGISTRY) else ""
    folder = local_model(model, store, key, where.cache())
    card = load_model(folder)
    return *of_card(card.name, card.options, None, str(folder / CARD)), folder


def load_network(found: tuple[ModelSpec, BaseModel, Path], precision: Literal["auto", "float32", "bfloat16"] = "auto") -> Detector:
    """The network of a model that `find_model` found, ready to look at pictures, and its tracker ready to start."""
    from pipeline.tracking.detector import load_detector

    spec, options, folder = found
    spec.association.warm_up(options)
    return load_detector(spec, options, folder, precision)


def _given(boxes: ArrayLike | None, scores: ArrayLike | None, classes: ArrayLike | None) -> Given | None:
    """Another detector's boxes, best first, as from its file."""
    from pipeline.tracking.external_boxes import Given

    if boxes is None:
        return None
    corners = np.asarray(boxes, np.float32).reshape(-1, 4)
    sure = np.ones(len(corners), np.float32) if scores is None else np.asarray(scores, np.float32)
    kinds = np.zeros(len(corners), np.int64) if classes is None else np.asarray(classes, np.int64)
    if sure.shape != (len(corners),) or kinds.shape != (len(corners),) or not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError(f"{len(corners)} boxes need as many scores from 0 to 1 and as many classes")
    order = np.argsort(-sure, kind="stable")
    return Given(corners[order], sure[order], kinds[order])
