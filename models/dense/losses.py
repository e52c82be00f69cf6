"""What detectors of centre points minimise: heat maps, sizes and offsets, those of occlusions, and depth."""

from __future__ import annotations

from torch import Tensor

from models.dense.depth import depth_error, depth_loss
from models.dense.network import CentreNetwork
from models.dense.options import CentreLossOptions, CentreOptions

LEAST_PROBABILITY = 1e-4


def cells_of(network: CentreNetwork, targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Where losses read the outputs of which only values at objects count: flat cells (N, K) by name, from targets (N, ...)."""
    at_objects = dict.fromkeys(("size", "offset", "embedding", "displacement"), targets["object_cells"])
    cells = at_objects | ({"occlusion_offset": targets["occlusion_cells"]} if "occlusion_cells" in targets else {})
    return {name: where for name, where in cells.items() if name in network.heads.names}


def detection_terms(found: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
    """Heat map, size and offset losses, and those of occlusions where the network has the heads (Eqs. 11-14, with one normaliser each).

    Args:
        found: float32 by name of the network's outputs, maps (N, 1, h, w) of heat maps and (N, K, C) of the others.
        truth: targets (N, ...).
    """
    terms = {
        "heatmap": focal_loss(found["heatmap"], truth["heatmap"], truth["background"]),
        "size": l1_loss(found["size"], truth["size"], truth["object_valid"]),
        "offset": l1_loss(found["offset"], truth["offset"], truth["object_valid"]),
    }
    if "occlusion" in found:
        terms["occlusion"] = focal_loss(found["occlusion"], truth["occlusion"], truth["background"])
        terms["occlusion_offset"] = l1_loss(found["occlusion_offset"], truth["occlusion_offset"], truth["occlusion_valid"])
    return terms


def detection_total(terms: dict[str, Tensor], weights: CentreLossOptions) -> Tensor:
    """The weighted sum of `detection_terms`."""
    total = terms["heatmap"] + weights.size_weight * terms["size"] + weights.offset_weight * terms["offset"]
    if "occlusion" in terms:
        total = total + weights.occlusion_weight * (terms["occlusion"] + terms["occlusion_offset"])
    return total


def depth_terms(logits: Tensor, truth: dict[str, Tensor], options: CentreOptions) -> dict[str, Tensor]:
    """Depth loss and mean error of logits (N, bins + 1, H/8, W/8) against targets (N, ...)."""
    near, far = options.network.depth_min, options.network.depth_max
    loss = depth_loss(logits, truth["depth"], truth["foreground"], near, far, options.loss.depth_foreground_weight)
    return {"depth": loss, "depth_error": depth_error(logits, truth["depth"], near, far)}


def focal_loss(logits: Tensor, truth: Tensor, background: Tensor) -> Tensor:
    """CornerNet's focal loss (Eq. 12; alpha 2, beta 4), divided by the number of peaks; by 1 if there is none.

    Args:
        logits: (N, 1, h, w).
        truth: (N, 1, h, w) in [0, 1], 1 at peaks.
        background: (N, 1, h, w) bool, where cells that are no peak count.
    """
    p = logits.sigmoid().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    peak = truth == 1
    found = (1 - p) ** 2 * p.log() * peak
    absent = (1 - truth) ** 4 * p**2 * (1 - p).log() * (background & ~peak)
    return -(found.sum() + absent.sum()) / peak.sum().clamp(min=1)


def l1_loss(predicted: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference over the coordinates of valid objects, whose number is raised by 1e-4; 0 where none is valid.

    Args:
        predicted: (N, K, C).
        truth: (N, K, C).
        valid: (N, K) bool.
    """
    mask = valid[..., None].expand_as(truth)
    return ((predicted - truth).abs() * mask).sum() / (mask.sum() + 1e-4)
