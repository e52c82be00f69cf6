"""Pose propagation: the key points of people, given in the first frame, are handed on as belief maps (appendix E)."""

from __future__ import annotations

import torch
from torch import Tensor

from models.unitrack import belief_maps
from models.unitrack.label_memory import LabelMemory
from models.unitrack.options import PropagationOptions
from models.unitrack.point_vectors import clean, unit
from models.unitrack.propagation import Source, propagate


class PosePropagation:
    """The memory of one person, or of several, in one video.

    Args:
        points: (P, 2), or (N, P, 2) of several people, x and y in pixels of the first frame, where pixel i covers [i, i + 1); NaN for a
            joint that is not known, which then is lost in all frames. The Gaussians of a person's belief maps follow the size of the
            body; the similarities of points, which are most of the work, are computed once for all people.
        features: (C, h, w) of the first frame.
        image_size: height and width in pixels.
        options: of the propagation.

    Attributes:
        broken: point vectors so far that were not finite, and counted as alike to nothing.
    """

    def __init__(self, points: Tensor, features: Tensor, image_size: tuple[int, int], options: PropagationOptions | None = None) -> None:
        self._options = options or PropagationOptions()
        self.broken = 0
        query = self._query(features)
        height, width = query.shape[:2]
        self._cells = torch.tensor([width / image_size[1], height / image_size[0]], device=query.device)
        self._shape = points.shape
        each = (points.to(query) * self._cells - 0.5).reshape(-1, *points.shape[-2:])
        beliefs = torch.cat([belief_maps.draw(pose, (height, width), eta=self._options.eta) for pose in each], 2)
        self._memory = LabelMemory(self._options.memory, fill=self._options.fill_memory)
        self._memory.anchor(Source(query, beliefs))

    def update(self, features: Tensor) -> Tensor:
        """Advance by a frame.

        Args:
            features: (C, h, w) of the frame.

        Returns:
            float32 x and y in pixels, shaped as the given points; NaN for a lost joint.
        """
        query, options = self._query(features), self._options
        beliefs = propagate(
            query,
            self._memory.anchors,
            self._memory.latest,
            top_k=options.top_k,
            temperature=options.temperature,
            radius=options.radius,
        )
        self._memory.append(Source(query, beliefs))
        return ((belief_maps.read(beliefs) + 0.5) / self._cells).reshape(self._shape)

    def _query(self, features: Tensor) -> Tensor:
        cleaned = clean(features.to(torch.float32))
        self.broken += cleaned.broken
        return unit(cleaned.features).permute(1, 2, 0).contiguous()
