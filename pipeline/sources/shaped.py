"""Objects with what some data sets say beyond boxes: a mask, joints, the source's own name of the class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files.frames import Objects
from pipeline.sources.records import Collected


@dataclass
class Shaped(Collected):
    """See `Collected`; which further columns there are is said once, for all objects.

    Attributes:
        joints: how many each object has; 0: no column.
        masked: whether there are masks.
        named: whether there are names of classes.
    """

    joints: int = 0
    masked: bool = False
    named: bool = False
    _masks: list[str | None] = field(default_factory=list)
    _keypoints: list[NDArray[np.float32]] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def add_shaped(
        self, frame: int, box: list[float], key: Any, kind: int, crowd: bool, line: tuple[int, ...],
        mask: str | None = None, keypoints: NDArray[np.float32] | None = None, name: str = "",
    ) -> None:  # fmt: skip
        """Append a visible object.

        Args:
            frame, box, key, kind, crowd, line: see `Collected.add`.
            mask: COCO's compressed run lengths; None: it has none.
            keypoints: (joints, 3) x, y and mark; None: zeros, of an object without joints.
            name: what the source calls its class.

        Raises:
            ValueError: see `Collected.add`.
        """
        self.add(frame, box, key, kind, 1.0, crowd, line)
        self._masks.append(mask)
        self._keypoints.append(np.zeros((self.joints, 3), np.float32) if keypoints is None else keypoints)
        self._names.append(name)

    def objects(self) -> Objects:
        """The objects as columns, in the order in which they were added."""
        count = len(self.frames)
        masks, names = np.empty(count, object), np.empty(count, object)
        masks[:], names[:] = self._masks, self._names
        return replace(
            super().objects(),
            masks=masks if self.masked else None,
            keypoints=np.array(self._keypoints, np.float32).reshape(count, self.joints, 3) if self.joints else None,
            categories=names if self.named else None,
        )


def hull(points: NDArray[np.floating]) -> list[float]:
    """left, top, right, bottom around (N, 2) points, of which there is at least one."""
    low, high = points.min(0), points.max(0)
    return [float(low[0]), float(low[1]), float(high[0]), float(high[1])]
