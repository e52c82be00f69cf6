"""Scores as files and on the terminal: metrics.json and what DVC shows of it, CSV files, a table, flat names for MLflow."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.artifacts.store import write_text
from pipeline.scoring.detection import DetectionMetrics
from pipeline.scoring.hota import THRESHOLDS as OVERLAPS
from pipeline.scoring.network import NetworkScores
from pipeline.scoring.tracking import TrackingMetrics, TrackingScores

METRICS, PER_SEQUENCE = "metrics.json", "per_sequence.csv"
SCORES, THRESHOLDS = "scores.json", "thresholds.csv"
COMBINED, MEAN = "COMBINED", "mean over classes"
SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDSW", "FP", "FN", "MT", "ML", "Frag")
HEADLINE = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")
DECIMALS, BRIEF = 4, 2
UNLIMITED = 10_000


def document(
    tracking: TrackingScores,
    benchmark: str,
    network: NetworkScores | None = None,
    speed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What metrics.json holds; parts that were not measured are left out.

    Keys: benchmark, combined, where several classes are scored mean and classes.<name>, sequences.<name>, reid, detection, reid_hidden,
    parts (their fields as in `TrackingMetrics`, `NetworkScores`; detection also classes.<name>), speed (as measured).
    """
    found: dict[str, Any] = {
        "benchmark": benchmark,
        "combined": tracking.combined._asdict(),
        **_by_class(tracking),
        "sequences": {name: metrics._asdict() for name, metrics in tracking.sequences.items()},
    }
    if network is not None:
        found |= network_document(network)
    if speed is not None:
        found["speed"] = dict(speed)
    rounded: dict[str, Any] = _rounded(found)
    return rounded


def network_document(scores: NetworkScores) -> dict[str, Any]:
    """The keys of `document` that speak of the network alone; what was not measured is left out."""
    detection = _plain(scores.detection)
    if scores.detection.classes:
        detection["classes"] = {name: _plain(part) for name, part in scores.detection.classes.items()}
    found: dict[str, Any] = {} if scores.reid is None else {"reid": scores.reid._asdict()}
    found["detection"] = detection
    if scores.hidden is not None:
        found["reid_hidden"] = scores.hidden._asdict()
    if scores.parts is not None:
        found["parts"] = {name: value for name, value in scores.parts._asdict().items() if value is not None}
    return found


def headline(found: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers of a `document` that runs are compared by: HOTA and its parts, MOTA, IDF1, identity switches, AP50 and R1."""
    named = {name: found["combined"][name] for name in HEADLINE}
    return named | {name: found[part][name] for part, name in (("detection", "AP50"), ("reid", "R1")) if name in found.get(part, {})}


def write_metrics(path: Path, found: Mapping[str, Any]) -> None:
    """Write `document` as JSON."""
    write_text(path, json.dumps(found, indent=1) + "\n")


def write_scores(path: Path, found: Mapping[str, Any]) -> None:
    """Write the `headline` of a document as JSON, short enough for one line of `dvc metrics show`."""
    values = {name: round(value, BRIEF) if isinstance(value, float) else value for name, value in headline(found).items()}
    write_text(path, json.dumps(values, indent=1) + "\n")


def write_thresholds(path: Path, tracking: TrackingScores) -> None:
    """Write HOTA and its parts in percent, one row per threshold of overlap."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["threshold", *tracking.curves])
        for threshold, *values in zip(OVERLAPS.tolist(), *tracking.curves.values(), strict=True):
            writer.writerow([round(threshold, BRIEF), *map(_rounded, values)])


def write_per_sequence(path: Path, tracking: TrackingScores) -> None:
    """Write one row per sequence, where several classes are scored one per class and their mean, and COMBINED as the last."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["sequence", *TrackingMetrics._fields])
        for name, metrics in _lines(tracking):
            writer.writerow([name, *map(_rounded, metrics)])


def print_table(tracking: TrackingScores, title: str) -> None:
    """Print one row per sequence, then the row of all together; never narrower than its content, so that a log keeps it whole."""
    table = Table(title=title, title_justify="left")
    table.add_column("sequence")
    for name in SHOWN:
        table.add_column(name, justify="right")
    for name, metrics in _lines(tracking):
        if name == COMBINED:
            table.add_section()
        values = metrics._asdict()
        table.add_row(name, *(f"{values[key]:.2f}" if isinstance(values[key], float) else str(values[key]) for key in SHOWN))
    print_whole(table)


def print_whole(table: Table) -> None:
    """Print a table never narrower than its content."""
    needed = Console(width=UNLIMITED).measure(table).maximum
    Console(width=max(Console().width, needed)).print(table)


def flat(found: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of `document` under dotted names that MLflow accepts."""
    return {re.sub(r"[^\w.\-/ ]", "_", name): float(value) for name, value in _numbers(found, "")}


def _by_class(tracking: TrackingScores) -> dict[str, Any]:
    if tracking.mean is None:
        return {}
    return {"mean": tracking.mean._asdict(), "classes": {name: metrics._asdict() for name, metrics in tracking.classes.items()}}


def _plain(part: DetectionMetrics) -> dict[str, Any]:
    return {name: value for name, value in part._asdict().items() if name != "classes"}


def _lines(tracking: TrackingScores) -> list[tuple[str, TrackingMetrics]]:
    means = [] if tracking.mean is None else [*((f"class {name}", part) for name, part in tracking.classes.items()), (MEAN, tracking.mean)]
    return [*tracking.sequences.items(), *means, (COMBINED, tracking.combined)]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, DECIMALS) if isinstance(value, float) else value


def _numbers(value: Any, prefix: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, (int, float)):
        yield prefix, value
