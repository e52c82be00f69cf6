"""What a frame leaves for the network to see with the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from models.association.output import usable_rows
from models.centertrack.options import CentertrackOptions
from models.centertrack.prior import heat_map
from pipeline.contract.detections import Detections
from pipeline.numerics.boxes import centres


def remember(options: CentertrackOptions) -> Callable[[Tensor, Detections], Tensor]:
    """What `Detection.remember` promises."""
    return partial(image_and_heat, threshold=options.tracker.detection_threshold)


def image_and_heat(image: Tensor, detections: Detections, threshold: float) -> Tensor:
    """The image and a heat map of what was found in it.

    The released tracker draws the tracks that it saw in the frame. As every detection above the threshold continues or starts a track,
    and tracks without a detection are not drawn, these are the detections above the threshold: what the network sees next depends on no
    other option of the tracker. (Public boxes that forbid a birth are the exception: the detection is drawn all the same.)

    Args:
        image: (1, 3, H, W) float RGB in [0, 1].
        detections: of that image, in network input pixels.
        threshold: `tracker.detection_threshold`.

    Returns:
        (1, 4, H, W): the image, then the heat map.
    """
    boxes = detections.boxes[usable_rows(detections, threshold)]
    heat = heat_map(boxes, centres(boxes), *image.shape[-2:])
    return torch.cat([image, torch.from_numpy(heat).to(image)[None]], 1)
