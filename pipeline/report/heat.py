"""The network's heat maps laid over a picture."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.tracking.detector import Detector, Letterbox, letterbox
from pipeline.tracking.drawing import overlay_heat

LEAST_PEAK = 0.1  # a map whose hottest place is colder than this is shown as cold as it is


class HeatOverlay(NamedTuple):
    """A picture under a heat map.

    Attributes:
        name: of the network's output.
        peak: the map's largest value, in [0, 1], which is shown as the brightest.
        image: (H, W, 3) uint8 RGB.
    """

    name: str
    peak: float
    image: NDArray[np.uint8]


def heat_overlays(image: NDArray[np.uint8], detector: Detector) -> list[HeatOverlay]:
    """Run the network on an (H, W, 3) uint8 RGB picture and lay each of its heat maps over the picture.

    A heat map is an output of one channel, logits or values in [0, 1]; a model may have none, one or several.
    """
    canvas, box = letterbox(image, detector.width, detector.height)
    outputs = detector.outputs([canvas])
    found = []
    for name, value in outputs._asdict().items():
        if isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[1] == 1:
            heat = value[0, 0].float()
            heat = heat if heat.min() >= 0 and heat.max() <= 1 else heat.sigmoid()
            peak = float(heat.max())
            over = _over(heat.cpu().numpy(), image.shape[:2], box, detector.width) / np.float32(max(peak, LEAST_PEAK))
            found.append(HeatOverlay(name, peak, overlay_heat(image, over)))
    return found


def _over(heat: NDArray[np.float32], shape: tuple[int, ...], box: Letterbox, input_width: int) -> NDArray[np.float32]:
    """Stretch the part of the map that the picture fills over the picture: (H, W) float32."""
    stride = input_width / heat.shape[1]
    factor = box.scale / stride
    # centre of pixel i is at i in OpenCV, at i + 1/2 in ours
    shift = [(edge / stride) + (factor - 1) / 2 for edge in (box.left, box.top)]
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    stretched = cv2.warpAffine(heat, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(stretched, np.float32)
