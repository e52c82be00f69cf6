"""What a system shows of itself on the report's page: numbers, which the page draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import nn

Options = TypeVar("Options", bound=BaseModel, contravariant=True)
Network = TypeVar("Network", bound=nn.Module, contravariant=True)


class Stretch(NamedTuple):
    """Frames in a row of a tracked sequence, up to its most crowded one.

    Attributes:
        sequence: its name.
        numbers: (F,) int64, of the frames.
        images: one (H, W, 3) uint8 RGB array per frame, as the network sees it.
        frame_rate: frames per second.
    """

    sequence: str
    numbers: NDArray[np.int64]
    images: Sequence[NDArray[np.uint8]]
    frame_rate: float


class Overlay(NamedTuple):
    """Weights over a frame.

    Attributes:
        caption: what they are, in words.
        frame: index into `Stretch.images`, from 0.
        weights: (h, w) float32, not negative, over the whole image; drawn relative to the largest.
        box: (4,) float32 xyxy pixels of the image: whose weights they are.
    """

    caption: str
    frame: int
    weights: NDArray[np.float32]
    box: NDArray[np.float32]


class Matrix(NamedTuple):
    """A table of numbers, drawn as coloured cells.

    Attributes:
        caption: what it is, in words.
        values: (R, C) float32.
        rows: name of each row.
        columns: name of each column.
        limits: values of the darkest and the brightest colour.
        axes: what rows and columns are, in a word each.
    """

    caption: str
    values: NDArray[np.float32]
    rows: Sequence[str]
    columns: Sequence[str]
    limits: tuple[float, float]
    axes: tuple[str, str]


Shown: TypeAlias = Overlay | Matrix


class Show(Protocol[Options, Network]):
    """Makes the pictures of a stretch from the fine-tuned network and, for comparison, from the pretrained one.

    `before` is None where no pretrained network was built with the same options.
    """

    def __call__(self, network: Network, before: Network | None, options: Options, stretch: Stretch, /) -> Sequence[Shown]: ...


@dataclass(frozen=True)
class Pictures(Generic[Options, Network]):
    """What the report shows of a system beside what it shows of all.

    Attributes:
        title: of the section.
        text: what is seen there, above the pictures.
        frames: options -> frames of a stretch; a shorter sequence gives fewer.
        show: networks in evaluation mode on their device, options and a stretch -> pictures.
    """

    title: str
    text: str
    frames: Callable[[Options], int]
    show: Show[Options, Network]
