"""The network's heat maps laid over a picture."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.drawing import overlay_heat
from pipeline.inference import Detector, Letterbox, letterbox


def heat_overlays(image: NDArray[np.uint8], detector: Detector) -> dict[str, NDArray[np.uint8]]:
    """Look at an (H, W, 3) RGB picture; by name of the network's output, the picture under each of its heat maps.

    A heat map is an output of one channel, logits or values in [0, 1]; a model may have none, one or several.
    """
    canvas, box = letterbox(image, detector.width, detector.height)
    outputs = detector.outputs([canvas])
    found = {}
    for name, value in outputs._asdict().items():
        if isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[1] == 1:
            heat = value[0, 0] if value.min() >= 0 and value.max() <= 1 else value[0, 0].sigmoid()
            found[name] = overlay_heat(image, _over(heat.cpu().numpy(), image.shape[:2], box, detector.width))
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
