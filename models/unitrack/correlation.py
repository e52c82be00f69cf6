"""Correlation of a template with search regions in the Fourier domain: XCorr (Eq. 3) and the discriminative filter (Eqs. 4 to 7).

Maps are (..., C, h, w) of any h and w. The size is given to every inverse transform: without it a map of 65 columns comes back with 64.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Averaging = Literal["paper", "release"]


class Filter(NamedTuple):
    """A discriminative correlation filter, in the Fourier domain.

    Attributes:
        template: (C, h, w // 2 + 1) complex, of the template's features, or of those times the ideal response ("paper").
        gain: (h, w // 2 + 1), what a response is multiplied by: the ideal response over the energy ("release"), or the energy that
            it is divided by ("paper").
    """

    template: Tensor
    gain: Tensor


def solve(template: Tensor, ideal: Tensor, *, averaging: Averaging = "paper", regularisation: float = 1e-4) -> Filter:
    """The filter whose response to the template is ideal, in the sense of ridge regression (Eqs. 5 and 6).

    Args:
        template: (C, h, w) features.
        ideal: (h, w) response, its peak at (0, 0).
        averaging: what `blend` averages over time: "paper", numerator and denominator of Eq. 6; "release", the released code's
            features and quotient, apart. Before the first update both are the same filter.
        regularisation: lambda of Eq. 5.
    """
    spectrum, wanted = torch.fft.rfft2(template), torch.fft.rfft2(ideal)
    energy = (spectrum.real.square() + spectrum.imag.square()).sum(0) + regularisation
    if averaging == "paper":
        return Filter((spectrum * wanted.conj()).resolve_conj(), energy)
    return Filter(spectrum, wanted / energy)


def blend(old: Filter, new: Filter, rate: float = 0.01) -> Filter:
    """The moving average of two filters; the new one weighs `rate`."""
    return Filter(_lerp(old.template, new.template, rate), _lerp(old.gain, new.gain, rate))


def _lerp(old: Tensor, new: Tensor, rate: float) -> Tensor:
    """Complex tensors as pairs of real numbers, which is twice as fast."""
    if old.is_complex():
        return torch.view_as_complex(torch.lerp(torch.view_as_real(old), torch.view_as_real(new), rate))
    return torch.lerp(old, new, rate)


def respond(known: Filter, search: Tensor, *, averaging: Averaging = "paper") -> Tensor:
    """Eq. 7: the response to search regions.

    Args:
        known: of `solve` with the same averaging.
        search: (S, C, h, w) features.

    Returns:
        (S, h, w); the peak's place is how far the template has moved, in cells, modulo the size.
    """
    product = (torch.fft.rfft2(search) * known.template.conj()).sum(-3)
    product = product / known.gain if averaging == "paper" else product * known.gain
    return torch.fft.irfft2(product, s=search.shape[-2:])


def cross_correlate(template: Tensor, search: Tensor) -> Tensor:
    """Eq. 3 at every place where the template lies wholly inside the search region.

    Args:
        template: (C, p, q).
        search: (S, C, h, w) with h >= p and w >= q.

    Returns:
        (S, h - p + 1, w - q + 1).

    Raises:
        ValueError: the template is larger than the search region.
    """
    size = search.shape[-2:]
    if template.shape[-2] > size[0] or template.shape[-1] > size[1]:
        raise ValueError(f"a template of {tuple(template.shape[-2:])} cells does not fit into {tuple(size)}")
    spectrum = torch.fft.rfft2(template, s=size).conj()
    circular = torch.fft.irfft2((torch.fft.rfft2(search) * spectrum).sum(-3), s=size)
    return circular[..., : size[0] - template.shape[-2] + 1, : size[1] - template.shape[-1] + 1]


def gaussian(size: tuple[int, int], sigma: float, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """(h, w), 1 at (0, 0), falling off in both directions around the borders, as a response with its peak at no motion."""
    y, x = (torch.fft.fftfreq(n, 1 / n, dtype=dtype) for n in size)
    return torch.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * sigma**2))


def hann(size: tuple[int, int], *, dtype: torch.dtype = torch.float32) -> Tensor:
    """(h, w), the symmetric Hann window: 0 at the borders."""
    y, x = (torch.hann_window(n, periodic=False, dtype=dtype) for n in size)
    return y[:, None] * x[None]
