"""What a two-stage detector minimises: objectness and boxes of proposals, classes and boxes of regions, masks. All in float32."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.regions.coder import BOX_SPREAD, PROPOSAL_SPREAD, encode

BETA = 1 / 9  # where the proposals' smooth L1 loss turns from a square to a line


def proposal_losses(logits: Tensor, deltas: Tensor, anchors: Tensor, goals: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the sampled anchors of an image: binary cross entropy of all, smooth L1 (beta 1/9) of the positives.

    Args:
        logits: (S,) of the sampled anchors.
        deltas: (S, 4).
        anchors: (S, 4) float32, xyxy pixels.
        goals: (S, 4) float32, boxes of the objects; anything where not positive.
        positive: (S,) bool.

    Returns:
        Two scalars, to be divided by the number of samples.
    """
    objectness = functional.binary_cross_entropy_with_logits(logits.float(), positive.float(), reduction="sum")
    wanted = encode(anchors[positive], goals[positive], PROPOSAL_SPREAD)
    return objectness, functional.smooth_l1_loss(deltas[positive].float(), wanted, beta=BETA, reduction="sum")


def box_losses(logits: Tensor, deltas: Tensor, regions: Tensor, goals: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy of all sampled regions and L1 of the positives' own class, both divided by the number of samples.

    Args:
        logits: (S, classes + 1), the last of background.
        deltas: (S, classes, 4).
        regions: (S, 4) float32, xyxy pixels.
        goals: (S, 4) float32, boxes of the objects; anything where background.
        classes: (S,) int64; the number of classes where background.

    Returns:
        Two scalars.
    """
    count = max(1, len(classes))
    classification = functional.cross_entropy(logits.float(), classes, reduction="sum") / count
    positive = torch.nonzero(classes < deltas.shape[1])[:, 0]
    own = deltas[positive, classes[positive]].float()
    wanted = encode(regions[positive], goals[positive], BOX_SPREAD)
    return classification, (own - wanted).abs().sum() / count


def mask_loss(logits: Tensor, goals: Tensor, classes: Tensor) -> Tensor:
    """Mean binary cross entropy of the positives' own class; 0 without positives.

    Args:
        logits: (S, classes, s, s).
        goals: (S, s, s) in [0, 1].
        classes: (S,) int64.
    """
    own = logits[torch.arange(len(classes), device=classes.device), classes].float()
    return functional.binary_cross_entropy_with_logits(own, goals, reduction="sum") / max(1, own.numel())
