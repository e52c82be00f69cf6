"""Video object segmentation: given masks are handed on from frame to frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.unitrack import soft_masks
from models.unitrack.label_memory import LabelMemory
from models.unitrack.options import PropagationOptions
from models.unitrack.point_vectors import clean, unit
from models.unitrack.propagation import Source, propagate


class Masks(NamedTuple):
    """The objects of one frame.

    Attributes:
        identities: (N,) any numbers, unique.
        masks: (N, H, W) bool, disjoint; empty for an object that is out of sight.
    """

    identities: tuple[int, ...]
    masks: Tensor


class MaskPropagation:
    """The memory of one video.

    An object may be given in any frame: where its mask is, the labels of the others give way, and that frame stays in memory as
    one in which it may be found from anywhere. The frames in memory, whose labels do not know it, are labelled anew from that frame:
    else they would call it background for as long as they are remembered, and an object that stood there before it was named would
    be lost at once. An object that leaves keeps an empty mask, and may return by the frames in memory.

    Args:
        image_size: height and width in pixels.
        options: of the propagation.

    Attributes:
        broken: point vectors so far that were not finite, and counted as alike to nothing.
    """

    def __init__(self, image_size: tuple[int, int], options: PropagationOptions | None = None) -> None:
        self._options = options or PropagationOptions()
        self._image_size = image_size
        self._memory = LabelMemory(self._options.memory, fill=self._options.fill_memory)
        self._identities: list[int] = []
        self.broken = 0

    def update(self, features: Tensor, given: Masks | None = None) -> Masks:
        """Advance by a frame.

        Args:
            features: (C, h, w) of the frame.
            given: objects whose masks are known in this frame, new ones or known ones.

        Returns:
            All objects given so far, in the order in which they came; none before the first is given.

        Raises:
            ValueError: given masks overlap, have another size than the image, or an identity is given twice.
        """
        query = self._query(features)
        labels = self._propagated(query)
        if given is not None and len(given.identities):
            labels = self._given(query, labels, given)
            self._memory.anchor(Source(query, labels))
        elif labels is not None:
            self._memory.append(Source(query, labels))
        return self._shown(labels, given)

    def _given(self, query: Tensor, labels: Tensor | None, given: Masks) -> Tensor:
        """The frame's labels with what is given; memory learns of objects that are new."""
        self._check(given)
        new = [identity for identity in given.identities if identity not in self._identities]
        self._identities += new
        channels = [1 + self._identities.index(identity) for identity in given.identities]
        written = soft_masks.to_map(given.masks.to(query.device), (query.shape[0], query.shape[1]))
        if new:
            appeared = [0, *(1 + given.identities.index(identity) for identity in new)]
            there = Source(query, written[..., appeared])
            places = [1 + self._identities.index(identity) for identity in new]
            self._memory.revise(lambda source: Source(source.features, soft_masks.stamp(source.labels, self._hand(source, there), places)))
        if labels is None:
            labels = torch.ones_like(written[..., :1])
        return soft_masks.stamp(labels, written, channels)

    def _hand(self, to: Source, start: Source) -> Tensor:
        """The labels of a remembered frame, from those of `start` alone."""
        return propagate(to.features, [start], [], top_k=self._options.top_k, temperature=self._options.temperature)

    def _query(self, features: Tensor) -> Tensor:
        cleaned = clean(features.to(torch.float32))
        self.broken += cleaned.broken
        return unit(cleaned.features).permute(1, 2, 0).contiguous()

    def _propagated(self, query: Tensor) -> Tensor | None:
        if not self._memory.anchors:
            return None
        options = self._options
        return propagate(
            query,
            self._memory.anchors,
            self._memory.latest,
            top_k=options.top_k,
            temperature=options.temperature,
            radius=options.radius,
        )

    def _shown(self, labels: Tensor | None, given: Masks | None) -> Masks:
        if labels is None:
            return Masks((), torch.zeros(0, *self._image_size, dtype=torch.bool))
        masks = soft_masks.to_masks(labels, self._image_size)
        if given is not None and len(given.identities):
            masks &= ~given.masks.any(0).to(masks.device)
            for identity, mask in zip(given.identities, given.masks, strict=True):
                masks[self._identities.index(identity)] = mask
        return Masks(tuple(self._identities), masks)

    def _check(self, given: Masks) -> None:
        if tuple(given.masks.shape[1:]) != tuple(self._image_size):
            raise ValueError(f"masks of {tuple(given.masks.shape[1:])} in a video of {tuple(self._image_size)} (height, width)")
        if len(set(given.identities)) < len(given.identities) or len(given.identities) != len(given.masks):
            raise ValueError(f"an identity is given twice, or without a mask: {given.identities}")
        overlap = soft_masks.find_overlap(given.masks)
        if overlap is not None:
            raise ValueError(f"the masks of {given.identities[overlap[0]]} and {given.identities[overlap[1]]} overlap")
