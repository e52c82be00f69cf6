"""Training curves as inline SVG whose text follows the page's colours; equal histories give equal bytes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from html import escape

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from pipeline.artifacts.store import Place
from pipeline.contract.counts import ASKED, RIGHT, counted

GREY = "#8a949e"  # readable on white and on black
COLOURS = ("#2f81d6", "#e0762b", "#3a9e5c", "#c2489b", "#8a6fd1", "#b8952b", "#2aa5a5", "#d0554f")
LINES = ("-", "--", ":")
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "throughline",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "xtick.color": GREY,
    "ytick.color": GREY,
}
NOT_A_LOSS = ("epoch", "step", "lr")
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def read_history(path: Place) -> dict[str, list[float]]:
    """Columns of a history.csv by name; empty lists when training had no epoch."""
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        lines = list(reader)
        return {name: [float(line[name]) for line in lines] for name in reader.fieldnames or ()}


def training_curves(history: dict[str, list[float]], title: str) -> str:
    """A figure with the total loss (the first of the terms) on the left, then the others, then the shares of right answers.

    Empty when there is no epoch to show.
    """
    epochs = history.get("epoch", ())
    terms = [name for name in history if name not in NOT_A_LOSS]
    if not epochs or not terms:
        return ""
    shares = _shares(history)
    parts = [name for name in terms[1:] if list(history[name]) != list(history[terms[0]])]  # the total may be there twice
    parts = [name for name in parts if not name.endswith((RIGHT, ASKED))]
    drawn = history | shares
    groups = [names for names in (terms[:1], parts, list(shares)) if names]
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(1, len(groups), figsize=(10, 3.6), layout="constrained", squeeze=False)
        for axis, names in zip(axes[0], groups, strict=True):
            for index, name in enumerate(names):
                colour, line = COLOURS[index % len(COLOURS)], LINES[index // len(COLOURS) % len(LINES)]
                axis.plot(epochs, drawn[name], label=name, color=colour, linestyle=line, linewidth=1.8, marker="o", markersize=3)
            axis.set_xlabel("epoch")
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        drawing = to_svg(figure, title)
    return f"<figure>{drawing}<figcaption>{escape(title)}: mean loss of each epoch</figcaption></figure>"


def _shares(history: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """What terms count; NaN, which is not drawn, where nothing was asked."""
    pairs = {kind: zip(history[kind + RIGHT], history[kind + ASKED], strict=True) for kind in counted(history)}
    return {f"{kind} right": [good / all_ if all_ else float("nan") for good, all_ in pair] for kind, pair in pairs.items()}


def to_svg(figure: matplotlib.figure.Figure, salt: str) -> str:
    """The figure as an <svg> element that fits in a page, closed afterwards; `salt` keeps its ids apart from other figures'."""
    buffer = io.StringIO()
    with pyplot.rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=METADATA)
    pyplot.close(figure)
    text = buffer.getvalue()
    prefix = re.sub(r"\W+", "-", salt)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text[text.index("<svg") :])
    # the page's style decides the colour of text; a wish of the drawing for black would win over it
    return re.sub(r"fill: #[0-9a-f]{6}(?=[^\"]*\"[^>]*>[^<]*</text>)", "", body)
