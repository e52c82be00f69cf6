"""Which cells of a frame are samples of whom, for quasi-dense learning: by the box that the network predicts in each cell.

What QDTrack asks of a proposed region is asked of every cell: its own box has an IoU of at least 0.7 with an object, whose sample it is, or
below 0.3 with all, and then it is a sample of nobody. An object's centre cell has the object's box, as QDTrack's true boxes are among its
regions: so there is a sample of everybody before boxes are learnt, and where detections are read later.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.dense.options import STRIDE
from models.embedding.options import QuasiDenseOptions
from models.embedding.quasi_dense import NOBODY
from models.regions.matcher import BACKGROUND, IGNORED, match_boxes
from models.regions.sampler import random_keys, sample

KEYS, REFERENCES = range(2)  # streams of random numbers
UNKNOWN = -1
READ = ("object_cells", "object_valid", "object_identities", "size", "offset", "vacant", "seed")  # of the targets


class CellSamples(NamedTuple):
    """S samples of each frame, padded to the frame that has most.

    Attributes:
        cells: (N, S) int64, flat cells of the maps; padding is 0.
        valid: (N, S) bool.
        identities: (N, S) int64, from 0, `NOBODY`, or -1 in padding.
    """

    cells: Tensor
    valid: Tensor
    identities: Tensor


@torch.no_grad()
def cell_samples(size: Tensor, offset: Tensor, truth: dict[str, Tensor], options: QuasiDenseOptions) -> CellSamples:
    """Samples of the frames of pairs, first and second in turn.

    The samples of a first frame all show objects; of a second frame's up to half do, and the others show nobody. An object of unknown
    identity gives no samples, and cells inside the boxes of people who are not learnt are no samples of nobody.

    Args:
        size: (N, 4, h, w), distances from the centre to left, top, right and bottom, in map cells.
        offset: (N, 2, h, w), x and y of the centre inside its cell.
        truth: targets (N, ...), as models/outrack/targets.py lists them.
        options: how many, and the limits of IoU.
    """
    boxes, found = own_boxes(size, offset), []
    for frame in range(len(boxes)):
        one = {name: truth[name][frame] for name in READ}
        found.append(_of_frame(boxes[frame], one, size.shape[-1], options, reference=frame % 2 == 1))
    cells, identities = zip(*found, strict=True)
    valid = [torch.ones_like(each, dtype=torch.bool) for each in cells]
    padded = (_padded(cells, 0), _padded(valid, False), _padded(identities, UNKNOWN))
    return CellSamples(*padded)


def own_boxes(size: Tensor, offset: Tensor) -> Tensor:
    """(N, h w, 4) float32: the box that each cell would be if it were a centre, xyxy pixels of the network's input."""
    height, width = size.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height, device=size.device), torch.arange(width, device=size.device), indexing="ij")
    centres = offset.float() + torch.stack([x, y])
    return (torch.cat([centres - size[:, :2].float(), centres + size[:, 2:].float()], 1) * STRIDE).flatten(2).transpose(1, 2)


def _of_frame(boxes: Tensor, truth: dict[str, Tensor], width: int, options: QuasiDenseOptions, *, reference: bool) -> tuple[Tensor, Tensor]:
    """(S,) cells and (S,) identities of one frame."""
    valid = truth["object_valid"]
    cells, identities = truth["object_cells"][valid], truth["object_identities"][valid]
    objects = _true_boxes(cells, truth["size"][valid], truth["offset"][valid], width)
    boxes = boxes.index_put((cells,), objects)
    matched, most = match_boxes(boxes, objects, options.positive, options.negative)
    matched = torch.where((matched == BACKGROUND) & ~truth["vacant"].flatten(), IGNORED, matched)
    known = torch.cat([identities, identities.new_full((1,), UNKNOWN)]) >= 0  # the last one stands for no object
    matched = torch.where((matched >= 0) & ~known[matched.clamp(min=-1)], IGNORED, matched)
    keys = random_keys(int(truth["seed"]), REFERENCES if reference else KEYS, len(boxes), boxes.device)
    if reference:
        chosen = torch.cat(
            sample(
                matched,
                keys,
                count=options.reference_samples,
                positive_share=0.5,
                balanced_positives=True,
                negative_overlaps=most if options.negatives == "iou_balanced" else None,
                negatives_per_positive=options.reference_negatives,
            )
        )
    else:
        chosen = sample(matched, keys, count=options.key_samples, positive_share=1.0, balanced_positives=True).positives
    whose = torch.cat([identities, identities.new_full((1,), NOBODY)])
    return chosen, whose[matched[chosen]]


def _true_boxes(cells: Tensor, size: Tensor, offset: Tensor, width: int) -> Tensor:
    """(K, 4) float32 xyxy pixels, from what an object's targets say."""
    centres = torch.stack([cells % width, cells // width], 1) + offset
    return torch.cat([centres - size[:, :2], centres + size[:, 2:]], 1) * STRIDE


def _padded(parts: tuple[Tensor, ...] | list[Tensor], value: float) -> Tensor:
    """(N, S), S at least 1."""
    longest = max(1, *(len(part) for part in parts))
    return pad_sequence([*parts, parts[0].new_zeros(longest)], batch_first=True, padding_value=value)[:-1]
