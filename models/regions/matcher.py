"""Which object each box is a sample of: an object's number, background, or nothing that teaches."""

from __future__ import annotations

import torch
from torch import Tensor

from models.regions.kernels import matcher as kernels
from models.regions.overlaps import iou

BACKGROUND, IGNORED = kernels.BACKGROUND, kernels.IGNORED


def match_boxes(boxes: Tensor, objects: Tensor, positive: float, negative: float, best_from: float | None = None) -> tuple[Tensor, Tensor]:
    """`match` by the overlap of boxes (A, 4) and objects (G, 4), float32 xyxy pixels.

    On a CPU, machine code does without the matrix of overlaps; results are the same to the bit. `positive`, `negative` and `best_from` are
    those of `match`.

    Returns:
        (A,) int64 as `match`, and (A,) float32, each box's largest IoU with any object; 0 without objects.
    """
    if boxes.device.type == "cpu":
        corners = boxes.detach().contiguous().numpy(), objects.detach().contiguous().numpy()
        matched, largest = kernels.match(*corners, positive, negative, -1.0 if best_from is None else best_from)
        return torch.from_numpy(matched), torch.from_numpy(largest)
    overlaps = iou(boxes, objects)
    most = overlaps.max(dim=1).values if overlaps.shape[1] else boxes.new_zeros(len(boxes))
    return match(overlaps, positive, negative, best_from), most


def match(overlaps: Tensor, positive: float, negative: float, best_from: float | None = None) -> Tensor:
    """Assign each box to the object that it overlaps most (Faster R-CNN).

    A box is positive from an IoU of `positive`, background below `negative`, and ignored between. With `best_from` each object also
    takes the boxes that overlap it most, ties included, if that IoU is at least `best_from`; where two objects claim one box, the later
    one has it.

    Args:
        overlaps: (A, G) float32, IoU of boxes and objects; G may be 0, and then all is background.
        positive: least IoU of a positive.
        negative: IoU that background stays below.
        best_from: least IoU of an object's best boxes; None: they get no special treatment.

    Returns:
        (A,) int64: number of the object, `BACKGROUND` or `IGNORED`.
    """
    matched = torch.full((len(overlaps),), IGNORED, dtype=torch.int64, device=overlaps.device)
    if overlaps.shape[1] == 0:
        return matched.fill_(BACKGROUND)
    most, which = overlaps.max(dim=1)
    matched[most < negative] = BACKGROUND
    matched = torch.where(most >= positive, which, matched)
    if best_from is not None and len(overlaps):
        best = overlaps.max(dim=0).values
        claimed = (overlaps == best) & (best >= best_from)
        numbers = torch.arange(1, overlaps.shape[1] + 1, device=overlaps.device)
        latest = (claimed * numbers).max(dim=1).values
        matched = torch.where(latest > 0, latest - 1, matched)
    return matched


def spare(matched: Tensor, covered: Tensor, limit: float = 0.5) -> Tensor:
    """Ignore background in regions that must not teach absence.

    Args:
        matched: (A,) int64, as `match` returns it.
        covered: (A, I) float32, how much of each box every ignored region covers; I may be 0.
        limit: background that is covered by more than this is ignored.
    """
    if covered.shape[1] == 0:
        return matched
    inside = covered.max(dim=1).values > limit
    return torch.where(inside & (matched == BACKGROUND), IGNORED, matched)
