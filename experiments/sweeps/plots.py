"""Figures of a sweep: a metric over the values that were tried, and over the trials of a search."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from matplotlib import pyplot

from pipeline.report.page import pictures
from pipeline.report.plots import COLOURS, GREY, LINES, STYLE, to_svg


def against_values(keys: Sequence[str], scores: Sequence[tuple[Mapping[str, Any], float]], metric: str) -> str:
    """A metric over the first key as an HTML figure: one dot per seed, and the means with their standard deviations.

    Each combination of values of the other keys is a line of its own. Without scores the text is empty.

    Args:
        keys: what the sweep changes; values of the first are placed by size where all are numbers, else in the order in which they come.
        scores: the values of each trial, and its metric.
        metric: the metric's name.
    """
    if not scores:
        return ""
    key, others = keys[0], keys[1:]
    ticks = list(dict.fromkeys(values[key] for values, _ in scores))
    numeric = all(isinstance(tick, int | float) and not isinstance(tick, bool) for tick in ticks)
    ticks = sorted(ticks) if numeric else ticks
    groups: dict[str, dict[Any, list[float]]] = {}
    for values, score in scores:
        label = ", ".join(f"{_short(other)}={values[other]}" for other in others)
        groups.setdefault(label, {}).setdefault(values[key], []).append(score)
    with pyplot.rc_context(STYLE):
        figure, axis = pyplot.subplots(figsize=(8, 3.8), layout="constrained")
        for index, (label, group) in enumerate(groups.items()):
            _line(axis, {tick if numeric else ticks.index(tick): group[tick] for tick in ticks if tick in group}, label, index, numeric)
        axis.set_xticks(ticks if numeric else range(len(ticks)), [_tick(tick) for tick in ticks])
        axis.set_xlabel(_short(key))
        axis.set_ylabel(metric)
        if any(groups):
            axis.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        drawing = to_svg(figure, f"{metric} over {key}")
    return _figure(drawing, f"{metric} over {key}: one dot for each seed, the mean, and its standard deviation")


def against_trials(numbers: Sequence[int], scores: Sequence[float], values: Mapping[str, Sequence[Any]], metric: str) -> str:
    """A metric over the trials of a search with the best so far, and over each searched key, as HTML figures.

    Args:
        numbers: numbers of the trials.
        scores: the metric of each trial.
        values: for each key one value per trial; that of trial 0, where it has a score, is shown as the default.
        metric: the metric's name.
    """
    order = sorted(range(len(numbers)), key=lambda index: numbers[index])
    with pyplot.rc_context(STYLE):
        figure, axis = pyplot.subplots(figsize=(8, 3.4), layout="constrained")
        axis.plot([numbers[i] for i in order], [scores[i] for i in order], "o", color=COLOURS[0], markersize=3.5, alpha=0.7, label="trial")
        best = list(itertools.accumulate((scores[i] for i in order), max))
        axis.step([numbers[i] for i in order], best, where="post", color=COLOURS[1], linewidth=1.8, label="best so far")
        axis.set_xlabel("trial")
        axis.set_ylabel(metric)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend(frameon=False, fontsize=9, loc="lower right")
        history = to_svg(figure, f"{metric} over trials")
    default = numbers.index(0) if 0 in numbers else None
    told = "" if default is None else "; the dashed line is the default"
    singles = [_figure(_scatter(key, row, scores, metric, default), f"{metric} over {key}{told}") for key, row in values.items()]
    return _figure(history, f"{metric} of each trial, and the best so far") + pictures(singles)


def _line(axis: Any, group: Mapping[Any, Sequence[float]], label: str, index: int, numeric: bool) -> None:
    colour, line = COLOURS[index % len(COLOURS)], LINES[index // len(COLOURS) % len(LINES)]
    means = [statistics.fmean(row) for row in group.values()]
    spreads = [statistics.stdev(row) if len(row) > 1 else 0.0 for row in group.values()]
    bars = None if not any(spreads) else spreads
    style = line if numeric else "none"
    axis.errorbar(
        list(group), means, yerr=bars, label=label, color=colour, linestyle=style, marker="D", markersize=5, capsize=4, linewidth=1.6
    )
    dots = [(place, score) for place, row in group.items() if len(row) > 1 for score in row]
    axis.plot([dot[0] for dot in dots], [dot[1] for dot in dots], "o", color=colour, markersize=4, alpha=0.5)


def _scatter(key: str, values: Sequence[Any], scores: Sequence[float], metric: str, default: int | None) -> str:
    """One dot per trial; the dashed line is drawn at the value in the place of the default, where that was measured."""
    with pyplot.rc_context(STYLE):
        figure, axis = pyplot.subplots(figsize=(4.2, 2.8), layout="constrained")
        axis.plot(values, scores, "o", color=COLOURS[0], markersize=3.5, alpha=0.6)
        if default is not None:
            axis.axvline(values[default], color=GREY, linestyle="--", linewidth=1)
        axis.set_xlabel(_short(key))
        axis.set_ylabel(metric)
        return to_svg(figure, f"{metric} over {key}")


def _short(key: str) -> str:
    return key.rpartition(".")[2].replace("_", " ")


def _tick(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
