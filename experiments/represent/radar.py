"""The radar of ranks (Figs. 1 and 6): a corner for each task, the best representation outermost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot
from numpy.typing import NDArray

from pipeline.report.plots import COLOURS, STYLE, to_svg

RING = 0.35  # radius of the last rank, so that areas can be seen


def radar(corners: Sequence[str], ranks: Mapping[str, NDArray[np.float64]], dashed: Sequence[str] = ()) -> str:
    """The radar as SVG text.

    Args:
        corners: names of the T tasks.
        ranks: by representation (T,) from 1, the best; NaN where it was not judged.
        dashed: representations to draw dashed.
    """
    count = max(len(ranks), 2)
    angles = 2 * np.pi * np.arange(len(corners) + 1) / max(len(corners), 1)
    with pyplot.rc_context(STYLE | {"axes.grid": False}):
        figure = pyplot.figure(figsize=(7.2, 4.6))
        axis = figure.add_axes((0.14, 0.1, 0.5, 0.78), polar=True)
        figure.patch.set_facecolor("white")
        for number, (name, places) in enumerate(ranks.items()):
            radii = 1 - (1 - RING) * (places - 1) / (count - 1)
            closed = np.append(radii, radii[:1])
            colour = COLOURS[number % len(COLOURS)]
            axis.plot(angles, closed, label=name, color=colour, linestyle="--" if name in dashed else "-", marker="o", markersize=3)
        axis.set_theta_zero_location("N")
        axis.set_theta_direction(-1)
        axis.set_xticks(angles[:-1], corners)
        axis.tick_params(axis="x", pad=12)
        axis.set_xlim(0, 2 * np.pi)
        rings = 1 - (1 - RING) * np.arange(count) / (count - 1)
        axis.set_yticks(rings, [f"{rank}." for rank in range(1, count + 1)], fontsize=7)
        axis.set_ylim(0, 1.08)
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines["polar"].set_visible(False)
        if ranks:
            axis.legend(loc="center left", bbox_to_anchor=(1.2, 0.5), frameon=False)
        return to_svg(figure, "radar")
