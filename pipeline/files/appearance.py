"""What pictures look like, in two numbers, and whether a video looks like those that a model learnt from.

A network that has seen drawn people alone finds people on lamp posts of a real street, with high scores. Its own scores do not tell; the
pictures do. Of what was tried (brightness, contrast, saturation, tints, gradients at three scales, second derivatives) contrast and detail
separate the drawn sequences from each real one at hand, and no sequence from its own kind; see docs/usage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipeline.files.sample_store import SampleStore

FRAMES = 64  # of a training set, evenly spaced
SLACK = 0.25  # of the width of a range that was seen, which a video may lie outside of it
LEAST_SLACK = 0.15  # of the value at the range's end, for a range that is narrow because few scenes were seen
WORDS = {
    "contrast": "contrast (deviation of brightness, 0 to 1)",
    "detail": "detail (mean difference of neighbouring pixels at the network's size, 0 to 1)",
}


class Appearance(NamedTuple):
    """What a picture looks like.

    Attributes:
        contrast: standard deviation of its brightness, which is 0 to 1.
        detail: mean absolute difference of pixels and their right and lower neighbours, at the size of the network's input.
    """

    contrast: float
    detail: float


@dataclass(frozen=True)
class LearntFrom:
    """What a model learnt from, as its card says.

    Attributes:
        datasets: frames of each data set.
        sequences: how many there are.
        contrast: least and greatest of its pictures.
        detail: least and greatest of its pictures.
        heights: of the objects as shares of the picture's height, the 5th and the 95th of 100; None without objects.
    """

    datasets: dict[str, int]
    sequences: int
    contrast: tuple[float, float]
    detail: tuple[float, float]
    heights: tuple[float, float] | None

    @classmethod
    def of_card(cls, stated: dict[str, Any]) -> Self:
        """Read back from a model card: from what JSON keeps of `dataclasses.asdict`."""
        pairs = {name: None if stated[name] is None else tuple(stated[name]) for name in ("contrast", "detail", "heights")}
        return cls(**(stated | pairs))

    def unlike(self, pictures: Sequence[Appearance]) -> str | None:
        """How the pictures of a video differ from what was seen, in words; None where they do not."""
        middle = Appearance(*np.median(np.array(pictures), axis=0).tolist())
        found = []
        for name, value in middle._asdict().items():
            low, high = getattr(self, name)
            slack = SLACK * (high - low)
            if value > high + max(slack, LEAST_SLACK * high) or value < low - max(slack, LEAST_SLACK * low):
                found.append(f"{WORDS[name]} is {value:.3f}, in training it was {low:.3f} to {high:.3f}")
        return "; ".join(found) or None


def appearance(image: NDArray[np.uint8], width: int, height: int) -> Appearance:
    """Measure an (H, W, 3) uint8 RGB picture as a network whose input is `width` by `height` pixels sees it."""
    rows, columns = image.shape[:2]
    scale = min(width / columns, height / rows)
    size = max(2, round(columns * scale)), max(2, round(rows * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
    detail = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return Appearance(float(grey.std()), float(detail))


def seen_in(store: SampleStore, width: int, height: int) -> LearntFrom:
    """What a sample set shows to a network with this input, from `FRAMES` of its pictures."""
    from pipeline.files.frames import decode_jpeg

    chosen = np.unique(np.linspace(0, len(store) - 1, FRAMES).round().astype(int))
    looks, heights = [], []
    for index in chosen.tolist():
        sample = store.row(index)
        looks.append(appearance(decode_jpeg(sample.image, f"{sample.sequence}: frame {sample.frame}"), width, height))
        heights.append((sample.boxes[:, 3] - sample.boxes[:, 1])[~sample.ignores] / sample.height)
    values, tall = np.array(looks), np.concatenate(heights)
    counts = np.bincount(store.index.dataset, minlength=len(store.datasets))
    return LearntFrom(
        datasets={name: int(count) for name, count in zip(store.datasets, counts, strict=True)},
        sequences=len(np.unique(store.index.sequence)),
        contrast=_range(values[:, 0], 0, 100),
        detail=_range(values[:, 1], 0, 100),
        heights=_range(tall, 5, 95) if len(tall) else None,
    )


def _range(values: NDArray[Any], low: float, high: float) -> tuple[float, float]:
    return round(float(np.percentile(values, low)), 4), round(float(np.percentile(values, high)), 4)
