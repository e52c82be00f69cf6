"""Single-object tracking: a box is followed by correlation of a template with the region around its last place (appendix B.1).

The caller crops and computes features, so that any network serves. Per frame::

    box = head.locate(features(crop(image, head.search_regions(), size)))
    if head.learns:
        head.learn(features(crop(image, head.template_region(), size))[0])

where `learn` is also how the first frame is shown.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.unitrack import correlation
from models.unitrack.correlation import Filter
from models.unitrack.options import BoxOptions
from models.unitrack.point_vectors import clean, unit

Floats = NDArray[np.float64]


class BoxPropagation:
    """The memory of one object in one video.

    Args:
        box: (4,) xyxy pixels in the first frame.
        image_size: width and height in pixels.
        options: of the head.

    Attributes:
        box: (4,) float64 xyxy pixels, the last place.
        broken: point vectors so far that were not finite, and counted as alike to nothing.

    Raises:
        ValueError: the box has no area or is not finite.
    """

    def __init__(self, box: NDArray[np.floating], image_size: tuple[int, int], options: BoxOptions | None = None) -> None:
        corners = np.asarray(box, np.float64)
        size = corners[2:] - corners[:2]
        if not np.isfinite(corners).all() or (size <= 0).any():
            raise ValueError(f"a box to follow must have an area, unlike {corners.tolist()} (xyxy)")
        self._options = options or BoxOptions()
        self._image = np.asarray(image_size, np.float64)
        self._centre, self._size, self._first = (corners[:2] + corners[2:]) / 2, size, size
        self._filter: Filter | None = None
        self._template: Tensor | None = None
        self.broken = 0

    @property
    def box(self) -> Floats:
        """The last place, xyxy pixels; it may leave the image."""
        return np.concatenate([self._centre - self._size / 2, self._centre + self._size / 2])

    @property
    def learns(self) -> bool:
        """Whether the template is renewed in every frame."""
        return self._options.head == "dcf" and self._options.rate > 0

    def search_regions(self) -> Floats:
        """(S, 4) xyxy pixels: where to look in the next frame, one region per scale, the smallest first."""
        return self._regions(self._factors())

    def template_region(self) -> Floats:
        """(1, 4) xyxy pixels: the region around the last place."""
        return self._regions(np.ones(1))

    def learn(self, features: Tensor) -> None:
        """Take the features (C, h, w) of `template_region` as template, or blend them into it."""
        features = self._units(features)
        inside = _target(features.shape[-2:], self._options.context)
        if self._options.head == "xcorr":
            self._template = features[:, inside[0], inside[1]] if self._template is None else self._template
            return
        kept = torch.zeros_like(features)
        kept[:, inside[0], inside[1]] = features[:, inside[0], inside[1]]
        size = features.shape[-2:]
        sigma = self._options.sigma * (size[0] * size[1]) ** 0.5 / self._options.context
        ideal = correlation.gaussian((size[0], size[1]), sigma, dtype=features.dtype).to(features.device)
        new = correlation.solve(kept, ideal, averaging=self._options.averaging, regularisation=self._options.regularisation)
        self._filter = new if self._filter is None else correlation.blend(self._filter, new, self._options.rate)

    def locate(self, features: Tensor) -> Floats:
        """Find the object in the features (S, C, h, w) of `search_regions`.

        Returns:
            (4,) xyxy pixels, as `box` from now on.

        Raises:
            ValueError: nothing was learnt yet.
        """
        features = self._units(features, dim=1)
        response = self._respond(features)
        steps = np.arange(len(features)) - len(features) // 2
        best = response.flatten(1).amax(1).to("cpu", torch.float64).numpy() * self._options.scale_penalty ** np.abs(steps)
        chosen = int(best.argmax())
        place = divmod(int(response[chosen].argmax()), response.shape[2])
        cells = self._displacement(place, (response.shape[1], response.shape[2]), (features.shape[2], features.shape[3]))
        factor = self._factors()[chosen]
        self._centre = np.clip(self._centre + cells[::-1] * self._size * factor * self._options.context, 0, self._image)
        least = np.maximum(self._options.least_size * self._first, self._options.least_pixels)
        self._size = np.clip(
            self._size * factor, least, np.maximum(least, np.minimum(self._image, self._options.largest_size * self._first))
        )
        return self.box

    def _respond(self, features: Tensor) -> Tensor:
        if self._template is not None:
            return correlation.cross_correlate(self._template, features)
        if self._filter is None:
            raise ValueError("show the first frame by `learn` before an object is located")
        window = correlation.hann((features.shape[2], features.shape[3]), dtype=features.dtype).to(features.device)
        return correlation.respond(self._filter, features * window, averaging=self._options.averaging)

    def _displacement(self, place: tuple[int, int], response: tuple[int, int], cells: tuple[int, int]) -> Floats:
        """(2,) how far the object moved down and to the right, over the region's side."""
        if self._options.head == "dcf":
            return np.array([(p if 2 * p < n else p - n) / n for p, n in zip(place, cells, strict=True)])
        starts = [part.start for part in _target(cells, self._options.context)]
        if self._options.offset == "release":
            return np.array([(p - s - 1) / n for p, s, n in zip(place, starts, response, strict=True)])
        return np.array([(p - s) / n for p, s, n in zip(place, starts, cells, strict=True)])

    def _units(self, features: Tensor, dim: int = 0) -> Tensor:
        cleaned = clean(features.to(torch.float32), dim)
        self.broken += cleaned.broken
        return unit(cleaned.features, dim) if self._options.unit_features else cleaned.features

    def _factors(self) -> Floats:
        half = self._options.scales // 2
        return self._options.scale_step ** np.arange(-half, half + 1, dtype=np.float64)

    def _regions(self, factors: Floats) -> Floats:
        half = factors[:, None] * self._size * self._options.context / 2
        return np.concatenate([self._centre - half, self._centre + half], 1)


def _target(size: tuple[int, ...], context: float) -> tuple[slice, slice]:
    """The cells of a region of these rows and columns that the object itself covers: 25 to 38 of 65."""
    rows, columns = (slice(int((n - n / context) / 2), int((n - n / context) / 2) + int(n / context)) for n in size)
    return rows, columns
