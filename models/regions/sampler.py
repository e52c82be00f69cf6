"""Which boxes a training step learns from. What is drawn is a function of a seed alone, and the same on every device."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.regions.kernels import matcher as kernels
from models.regions.matcher import BACKGROUND

BINS = 3  # of negatives by their overlap
_WORD = 0xFFFFFFFF
_INDEX_BITS = 24  # boxes of an image are fewer than 2 ** 24


class Sample(NamedTuple):
    """Numbers of the chosen boxes, int64, each ascending."""

    positives: Tensor
    negatives: Tensor


def sample(
    matched: Tensor,
    keys: Tensor,
    *,
    count: int,
    positive_share: float,
    balanced_positives: bool = False,
    negative_overlaps: Tensor | None = None,
    negatives_per_positive: float | None = None,
) -> Sample:
    """Draw up to `count` boxes of an image.

    Args:
        matched: (A,) int64, as `matcher.match` returns it.
        keys: (A,) int64 from `random_keys`; where there are more candidates than are wanted, those of least key are taken.
        count: largest number of positives and negatives together; negatives fill up what positives leave.
        positive_share: share of `count` that may be positive.
        balanced_positives: every object gets an equal share of the positives, and the rest is drawn from all.
        negative_overlaps: (A,) largest IoU of each box with any object: negatives are then drawn in equal numbers from three bins over
            their own range of IoU, and the rest from all (Libra R-CNN). None: from all alike.
        negatives_per_positive: largest number of negatives for each positive; None: no limit.
    """
    positives = torch.nonzero(matched >= 0)[:, 0]
    wanted = int(count * positive_share)
    positives = _in_equal_shares(positives, matched, keys, wanted) if balanced_positives else _least(positives, keys, wanted)
    wanted = count - len(positives)
    if negatives_per_positive is not None:
        wanted = min(wanted, int(negatives_per_positive * max(1, len(positives))))
    negatives = torch.nonzero(matched == BACKGROUND)[:, 0]
    if negative_overlaps is None:
        return Sample(positives, _least(negatives, keys, wanted))
    return Sample(positives, _over_bins(negatives, negative_overlaps, keys, wanted))


def random_keys(seed: int, stream: int, count: int, device: torch.device | None = None) -> Tensor:
    """(count,) int64, all different, in random order: integer hashing gives every device the same.

    Args:
        seed: any number.
        stream: tells apart what one seed is used for.
        count: below 2 ** 24.
        device: where the keys are made.
    """
    start = _mixed(torch.tensor([seed & _WORD, (seed >> 32) & _WORD, stream & _WORD], dtype=torch.int64))
    if device is None or device.type == "cpu":
        return torch.from_numpy(kernels.random_keys(start.numpy().astype(np.uint32), count, _INDEX_BITS))
    return plain_keys(start.to(device), count)


def plain_keys(start: Tensor, count: int) -> Tensor:
    """`random_keys` in plain PyTorch, from three mixed words (3,) int64."""
    number = torch.arange(count, dtype=torch.int64, device=start.device)
    hashed = number
    for word in start:
        hashed = _mixed((hashed + word) & _WORD)
    return (hashed << _INDEX_BITS) | number


def _mixed(word: Tensor) -> Tensor:
    """A bijection of 32-bit words, in which each bit depends on all (the finaliser of MurmurHash3, Appleby, public domain)."""
    word = ((word ^ (word >> 16)) * 0x85EBCA6B) & _WORD
    word = ((word ^ (word >> 13)) * 0xC2B2AE35) & _WORD
    return word ^ (word >> 16)


def _least(candidates: Tensor, keys: Tensor, count: int) -> Tensor:
    """The `count` candidates of least key, ascending by number; all if there are fewer."""
    if len(candidates) <= count:
        return candidates
    chosen = keys[candidates].topk(count, largest=False).indices
    return candidates[chosen].sort().values


def _in_equal_shares(positives: Tensor, matched: Tensor, keys: Tensor, count: int) -> Tensor:
    if len(positives) <= count:
        return positives
    objects = matched[positives].unique()
    share = round(count / len(objects)) + 1
    first = torch.cat([_least(positives[matched[positives] == number], keys, share) for number in objects])
    return _filled(first, positives, keys, count)


def _over_bins(negatives: Tensor, overlaps: Tensor, keys: Tensor, count: int) -> Tensor:
    if len(negatives) <= count:
        return negatives
    own = overlaps[negatives]
    bins = (own * (BINS / own.max().clamp(min=1e-6))).long().clamp(max=BINS - 1)
    first = torch.cat([_least(negatives[bins == number], keys, count // BINS) for number in range(BINS)])
    return _filled(first, negatives, keys, count)


def _filled(first: Tensor, candidates: Tensor, keys: Tensor, count: int) -> Tensor:
    """`count` candidates, ascending: those chosen `first`, or the least keys of them if they are too many, then others of least key."""
    if len(first) >= count:
        return _least(first, keys, count)
    others = candidates[~torch.isin(candidates, first)]
    return torch.cat([first, _least(others, keys, count - len(first))]).sort().values
