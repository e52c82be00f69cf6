"""A registered version as MLflow's pyfunc: what `mlflow.pyfunc.load_model`, `mlflow models predict` and `mlflow models serve` call.

This file and what it imports lie inside each version, below a package of that version's own, so that neither this repository nor another
version of its code is in the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.contract.tracks import Tracks
from throughline.tracker import FRAME_RATE, Tracker, find_model, load_network

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("frame", "identity", "x1", "y1", "x2", "y2", "score")
ASKED = "frames (N, H, W, 3) of uint8, RGB, or the path of a video"
BATCH = 8  # frames of a video per forward pass


class ServedTracker:
    """One tracker for each call: identities start at 1, and calls know nothing of each other.

    Args:
        folder: holds weights.safetensors and model.json.
    """

    def __init__(self, folder: str) -> None:
        self._detector = load_network(find_model(folder))

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Track frames or a video.

        Args:
            data: (N, H, W, 3) array of uint8 RGB frames, or nested lists of 0 to 255, as JSON has them; or the path of a video, alone, in
                a list of one, or as a table's only cell.
            params: `frame_rate` of these frames, in frames per second; a video states its own.

        Returns:
            One row per object and frame: frame int64 from 1, identity int64 from 1, x1, y1, x2, y2 float64 pixels, score float64.

        Raises:
            ValueError: the data are neither frames nor the path of a video.
            UserError: the video cannot be read.
        """
        import pandas as pd

        path = _path(data)
        rate = float((params or {}).get("frame_rate") or FRAME_RATE)
        found = self._of_frames(_frames(data), rate) if path is None else self._of_video(path)
        rows = [row for number, tracks in found for row in _rows(number, tracks)]
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        return table.astype({name: "int64" if name in COLUMNS[:2] else "float64" for name in COLUMNS})

    def _of_frames(self, frames: NDArray[np.uint8], rate: float) -> Iterator[tuple[int, Tracks]]:
        tracker = Tracker(self._detector, rate)
        for frame in frames:
            tracks = tracker(frame)
            yield tracker.frame, tracks

    def _of_video(self, path: str) -> Iterator[tuple[int, Tracks]]:
        from pipeline.tracking.video_file import TrackedVideo

        for item in TrackedVideo(Path(path), self._detector, BATCH).items():
            yield item.number, item.tracks


def _load_pyfunc(folder: str) -> ServedTracker:
    """What MLflow calls with the version's data folder."""
    return ServedTracker(folder)


def _path(data: Any) -> str | None:
    """The path of a video, where that is what was given."""
    if hasattr(data, "iloc"):  # a table
        data = data.to_numpy()
    array = np.asarray(data)
    return str(array.reshape(-1)[0]) if array.size == 1 and isinstance(array.reshape(-1)[0], (str, Path)) else None


def _frames(data: Any) -> NDArray[np.uint8]:
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(f"expected {ASKED}; the lists are of different lengths") from None
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype.kind not in "ui":
        raise ValueError(f"expected {ASKED}; got an array of {array.dtype} of shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError(f"expected {ASKED}; values lie from {array.min()} to {array.max()}")
    return array.astype(np.uint8, copy=False)


def _rows(number: int, tracks: Tracks) -> Iterator[tuple[float, ...]]:
    for identity, box, score in zip(tracks.identities, tracks.boxes, tracks.scores, strict=True):
        yield number, int(identity), *map(float, box), float(score)
