"""docs/growth.svg: how the time of each step grows with its size."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import pyplot

from pipeline.report.plots import COLOURS, METADATA, STYLE


def growth(entries: Sequence[Mapping[str, Any]]) -> str:
    """An SVG file: time over size, both as multiples of the smallest, on logarithmic axes; the same entries give the same text."""
    with pyplot.rc_context({**STYLE, "svg.hashsalt": "growth"}):
        figure, axis = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
        for number, item in enumerate(entries):
            sizes, seconds = item["sizes"], item["seconds"]
            label = f"{item['what']}, {item['unit']}: {item['exponent']:.2f}"
            across, up = [size / sizes[0] for size in sizes], [second / seconds[0] for second in seconds]
            axis.plot(across, up, marker="o", color=COLOURS[number % len(COLOURS)], label=label)
        widest = max(item["sizes"][-1] / item["sizes"][0] for item in entries)
        axis.plot([1, widest], [1, widest], color="#8a949e", linestyle=":", label="in proportion: 1")
        axis.set(xscale="log", yscale="log", xlabel="size, as a multiple of the smallest", ylabel="time, likewise")
        axis.legend(frameon=False, fontsize=9)
        drawing = io.StringIO()
        figure.savefig(drawing, format="svg", facecolor="white", metadata=METADATA)
        pyplot.close(figure)
    return drawing.getvalue()
