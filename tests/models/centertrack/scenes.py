"""Detections of staged scenes, as CenterTrack gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.centertrack.decode import CentertrackDetections


def see(people: dict[int, Any], moved: Any = None, centres: Any = (), scores: Any = 0.9) -> CentertrackDetections:
    """Detections of people (who they are: their boxes), how far each has come since the frame before, and occlusion centres."""
    points = np.asarray(centres, np.float32).reshape(-1, 2)
    steps = np.zeros((len(people), 2)) if moved is None else -np.array([moved[who] for who in people]).reshape(-1, 2)
    return CentertrackDetections(
        boxes=np.array(list(people.values()), np.float32).reshape(-1, 4),
        scores=np.broadcast_to(np.asarray(scores, np.float32), len(people)).copy(),
        embeddings=np.zeros((len(people), 0), np.float32),
        occlusion_centres=points,
        occlusion_scores=np.ones(len(points), np.float32),
        displacements=steps.astype(np.float32),
    )


def at(x: float, y: float = 100.0) -> np.ndarray:
    """A person's box, 40 x 100, with its top left corner at (x, y)."""
    return np.array([x, y, x + 40, y + 100])
