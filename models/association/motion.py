"""How far detections lie from where tracks are expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.association.kernels import kalman

GATE = 9.4877  # 95 % quantile of chi squared with four degrees of freedom (Eq. 10 of UniTrack, which must read <=)
Floats = NDArray[np.float64]


def squared_mahalanobis(beliefs: Floats, boxes: NDArray[np.floating]) -> Floats:
    """Squared Mahalanobis distance of each track and each box (Eq. 9 of UniTrack), over centre, aspect w/h and height.

    Args:
        beliefs: (N, 5, 4) predicted Kalman beliefs.
        boxes: (M, 4) xyxy pixels of positive size.

    Returns:
        (N, M) float64.
    """
    spread = np.empty((len(beliefs), 4))
    for number, belief in enumerate(beliefs):
        kalman.expect(belief, spread[number])
    measured = kalman.measurements(np.ascontiguousarray(boxes, np.float64))
    away = measured[None] - beliefs[:, None, kalman.POSITION]
    return np.asarray((away**2 / spread[:, None]).sum(2))
