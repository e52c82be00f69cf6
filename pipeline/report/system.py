"""What a system shows of itself: weights over frames, and matrices as coloured cells."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib import pyplot

from pipeline.contract.pictures import Matrix, Overlay, Pictures, Shown, Stretch
from pipeline.files.frames import decode_jpeg, read_frames
from pipeline.report import media
from pipeline.report.clips import TrackedSequence, most_crowded, shrink
from pipeline.report.page import paragraph, pictures
from pipeline.report.plots import STYLE, to_svg
from pipeline.tracking.detector import Detector, letterbox
from pipeline.tracking.drawing import framed, overlay_heat

COLOURS = "viridis"
LABELS = 12  # of an axis at most; of more rows every second, third ... is named


def own(sequences: Sequence[TrackedSequence], detector: Detector, before: Detector | None, part: Pictures[Any, Any], width: int) -> str:
    """The section of a system's own pictures, of each sequence; empty where there are none.

    Args:
        sequences: those that the page shows.
        detector: the fine-tuned network.
        before: the pretrained one, of the same options; None where there is none.
        part: of the system.
        width: of pictures, pixels.
    """
    figures = []
    for sequence in sequences:
        stretch = read_stretch(sequence, detector, part.frames(detector.options))
        for shown in part.show(detector.network, before and before.network, detector.options, stretch):
            figures.append(drawn(shown, stretch, width))
    return paragraph(part.text) + pictures(figures) if figures else ""


def read_stretch(sequence: TrackedSequence, detector: Detector, count: int) -> Stretch:
    """Up to `count` tracked frames in a row, the last of which is the most crowded one, as the network sees them."""
    numbers = sequence.numbers[sequence.numbers <= most_crowded(sequence)][-count:]
    wanted = set(numbers.tolist())
    frames = [frame for frame in read_frames(sequence.frames) if frame.frame in wanted]
    images = [decode_jpeg(frame.image, f"{sequence.frames}: frame {frame.frame}") for frame in frames]
    return Stretch(sequence.name, numbers, [letterbox(image, detector.width, detector.height)[0] for image in images], sequence.frame_rate)


def drawn(shown: Shown, stretch: Stretch, width: int) -> str:
    """A figure of the page."""
    return matrix(shown) if isinstance(shown, Matrix) else _overlay(shown, stretch, width)


def matrix(shown: Matrix) -> str:
    """A matrix as inline SVG. No numbers stand in the cells: the page decides the colour of text, which suits no cell of another one."""
    rows, columns = shown.values.shape
    with pyplot.rc_context(STYLE | {"axes.grid": False}):
        figure, axis = pyplot.subplots(figsize=(4.6, 4.0), layout="constrained")
        mesh = axis.pcolormesh(shown.values, vmin=shown.limits[0], vmax=shown.limits[1], cmap=COLOURS, rasterized=False)
        axis.invert_yaxis()
        axis.set_aspect("equal")
        axis.set_xlabel(shown.axes[1])
        axis.set_ylabel(shown.axes[0])
        for names, count, place in ((shown.columns, columns, axis.set_xticks), (shown.rows, rows, axis.set_yticks)):
            step = -(-count // LABELS)
            place(np.arange(0, count, step) + 0.5, list(names)[::step])
        figure.colorbar(mesh, ax=axis, shrink=0.8)
        drawing = to_svg(figure, shown.caption)
    return f"<figure>{drawing}<figcaption>{escape(shown.caption)}</figcaption></figure>"


def _overlay(shown: Overlay, stretch: Stretch, width: int) -> str:
    peak = float(shown.weights.max())
    image = overlay_heat(stretch.images[shown.frame], shown.weights / np.float32(max(peak, 1e-12)))
    return media.picture(shrink(framed(image, shown.box), width)[0], f"{shown.caption}, brightest {peak:.3f}")
