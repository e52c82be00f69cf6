"""What a sweep leaves: one row per trial, one per configuration with the spread over seeds, a page, and the same table in the terminal."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.sweeps.plan import DEFAULT, Configuration, Plan
from experiments.sweeps.plots import against_trials, against_values
from experiments.sweeps.tuning import Outcome
from pipeline.artifacts.publication import Manifest, Publication
from pipeline.registry.runs import StageRun
from pipeline.report.page import Section, page, paragraph
from pipeline.report.tables import cards, facts, number, rows

COLUMNS = ("HOTA", "MOTA", "IDF1", "IDSW", "FP", "FN", "MT", "ML", "R1", "mAP", "AP50")  # what tables show, in this order
COUNTS = ("IDSW", "FP", "FN", "MT", "ML")
MEASURED = ("finished", "stopped")
PAGE, TRIALS, SUMMARY = "index.html", "trials.csv", "summary.csv"
UNLIMITED = 10_000  # characters: more than any table is wide
LISTED = 12  # best configurations of a search that the terminal shows; the page shows all


@dataclass(frozen=True)
class Point:
    """A configuration over its seeds.

    Attributes:
        configuration: the configuration.
        outcomes: outcomes of its trials, seed by seed.
        means: mean of each metric over the trials that finished.
        spreads: standard deviation (n - 1) of each; empty for fewer than two finished trials.
    """

    configuration: Configuration
    outcomes: Sequence[Outcome]
    means: Mapping[str, float]
    spreads: Mapping[str, float]


def points(outcomes: Sequence[Outcome]) -> list[Point]:
    """Trials by configuration, in the sweep's order."""
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(outcome.trial.configuration.label, []).append(outcome)
    return [_point(group) for group in grouped.values()]


def best(plan: Plan, outcomes: Sequence[Outcome]) -> Outcome | None:
    """The best trial of the configuration with the greatest mean; None where no trial finished."""
    measured = [point for point in points(outcomes) if plan.metric in point.means]
    if not measured:
        return None
    point = max(measured, key=lambda point: point.means[plan.metric])
    return max((item for item in point.outcomes if item.status == "finished"), key=lambda item: item.metrics[plan.metric])


def publish(plan: Plan, outcomes: Sequence[Outcome], publication: Publication, run: StageRun) -> Manifest:
    """Write trials.csv, summary.csv and index.html, and attach them to the sweep's run."""
    with publication.write(TRIALS) as path:
        _write(path, *_trial_table(plan, outcomes))
    with publication.write(SUMMARY) as path:
        _write(path, *_summary_table(plan, outcomes))
    with publication.write(PAGE) as path:
        path.write_text(_page(plan, outcomes), encoding="utf-8")
    for name in (PAGE, TRIALS, SUMMARY):
        run.artifact(publication.path(name), "sweep")
    return publication.publish(metric=plan.metric, trials=len(outcomes))


def show(plan: Plan, outcomes: Sequence[Outcome], console: Console | None = None) -> None:
    """Print the table at its full width, how many rows it leaves out, and every failed trial with its error and the path of its log."""
    chosen, table = best(plan, outcomes), Table(title=f"{plan.name}: {plan.definition.description}")
    names = _measured(outcomes)
    table.add_column("trial" if plan.definition.search else "configuration", overflow="fold")
    for name in ("seeds", *names):
        table.add_column(name, justify="right", no_wrap=True)
    everything = _ranked(plan, outcomes)
    listed = everything if plan.definition.search is None else everything[: LISTED + 1]
    for point in listed:
        style = "bold" if chosen is not None and point.configuration == chosen.trial.configuration else None
        table.add_row(_name(plan, point), _seeds(point), *(_spread(point, name) for name in names), style=style)
    if console is None:
        console = Console(width=max(Console().width, Console(width=UNLIMITED).measure(table).maximum))
    console.print(table)
    if left := len(everything) - len(listed):
        console.print(f"{left} of {len(everything)} rows are left out, all of them worse; the page and {SUMMARY} have all", highlight=False)
    if chosen is not None:
        told = f"best {plan.metric}: {chosen.metrics[plan.metric]:.2f}, trial {chosen.trial.number}"
        console.print(f"{told}: {chosen.trial.configuration.label}", highlight=False)
    for outcome in _failed(outcomes):
        console.print(f"trial {outcome.trial.number} failed: {outcome.trial.configuration.label}", highlight=False)
        console.print(f"  {outcome.error}\n  log: {outcome.log}", highlight=False, markup=False)


def _page(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    chosen, names = best(plan, outcomes), _measured(outcomes)
    keys = plan.keys if plan.definition.search else []
    lines = [
        [_name(plan, point), *(point.configuration.values[key] for key in keys), _seeds(point), *(_spread(point, name) for name in names)]
        for point in _ranked(plan, outcomes)
    ]
    head = ["trial" if keys else "configuration", *(key.rpartition(".")[2] for key in keys), "seeds", *names]
    told = [[item.trial.number, item.trial.configuration.label, item.trial.seed, item.status, item.run_id] for item in outcomes]
    listing = rows(["trial", "configuration", "seed", "status", "MLflow run"], told)
    body = rows(head, lines) + paragraph("Mean ± standard deviation over seeds, of trials that finished.")
    parts = [
        Section("curve", f"{plan.metric} over what was changed", _figures(plan, outcomes)),
        Section("configurations", "Configurations", body if names else ""),
        Section(
            "failures",
            "Failures",
            facts({f"trial {item.trial.number}": f"{item.error} ({item.log})" for item in _failed(outcomes)}) if _failed(outcomes) else "",
        ),
        Section("trials", "Trials", f"<details><summary>All {len(outcomes)} trials</summary>{listing}</details>"),
    ]
    summary = paragraph(f"{plan.definition.description}. {len(outcomes)} trials; trial 0 is the parameter file as it is.")
    default = next((point.means.get(plan.metric) for point in points(outcomes)[:1]), None)
    values = {"trials": len(outcomes), f"default {plan.metric}": default}
    values |= {f"best {plan.metric}": None if chosen is None else _point_of(chosen, outcomes).means[plan.metric]}
    winner = paragraph(f"Best: {chosen.trial.configuration.label}.") if chosen is not None else ""
    return page(f"Sweep {plan.name}", summary + cards(values) + winner, parts)


def _point_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Point:
    """The configuration that a trial belongs to."""
    return next(point for point in points(outcomes) if point.configuration.label == outcome.trial.configuration.label)


def _figures(plan: Plan, outcomes: Sequence[Outcome]) -> str:
    measured = [item for item in outcomes if plan.metric in item.metrics]
    scores = [item.metrics[plan.metric] for item in measured]
    if not measured:
        return ""
    if plan.definition.search is not None:
        values = {key: [item.trial.configuration.values[key] for item in measured] for key in plan.keys}
        return against_trials([item.trial.number for item in measured], scores, values, plan.metric)
    named = [(item.trial.configuration.values, item.metrics[plan.metric]) for item in measured if item.status == "finished"]
    return against_values(plan.keys, named, plan.metric)


def _ranked(plan: Plan, outcomes: Sequence[Outcome]) -> list[Point]:
    """Configurations in the sweep's order; of a search the default one, then the best."""
    found = points(outcomes)
    if plan.definition.search is None:
        return found
    ranked = sorted(found[1:], key=lambda point: point.means.get(plan.metric, float("-inf")), reverse=True)
    return [*found[:1], *ranked]


def _name(plan: Plan, point: Point) -> str:
    """What a table calls a configuration: of a search its trial's number, as its values would fill a page."""
    if plan.definition.search:
        return str(point.outcomes[0].trial.number)
    defaults = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in point.configuration.values.items())
    return f"{DEFAULT} ({defaults})" if point.configuration.label == DEFAULT else point.configuration.label


def _point(group: Sequence[Outcome]) -> Point:
    finished = [item.metrics for item in group if item.status == "finished"]
    names = [name for name in finished[0] if all(name in metrics for metrics in finished)] if finished else []
    values = {name: [metrics[name] for metrics in finished] for name in names}
    spreads = {name: statistics.stdev(row) for name, row in values.items()} if len(finished) > 1 else {}
    return Point(group[0].trial.configuration, group, {name: statistics.fmean(row) for name, row in values.items()}, spreads)


def _trial_table(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[Any]]]:
    names = list(dict.fromkeys(name for item in outcomes for name in item.metrics))
    head = ["trial", "configuration", *plan.keys, "seed", "status", *names, "mlflow_run", "error"]
    lines = [
        [
            item.trial.number,
            item.trial.configuration.label,
            *(item.trial.configuration.values[key] for key in plan.keys),
            item.trial.seed,
            item.status,
            *(item.metrics.get(name, "") for name in names),
            item.run_id,
            item.error,
        ]
        for item in outcomes
    ]
    return head, lines


def _summary_table(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[Any]]]:
    found = points(outcomes)
    names = list(dict.fromkeys(name for point in found for name in point.means))
    head = ["configuration", *plan.keys, "finished", *(f"{name}_{what}" for name in names for what in ("mean", "std"))]
    lines = [
        [
            point.configuration.label,
            *(point.configuration.values[key] for key in plan.keys),
            _finished(point),
            *(part.get(name, "") for name in names for part in (point.means, point.spreads)),
        ]
        for point in found
    ]
    return head, lines


def _write(path: Path, head: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(lines)


def _measured(outcomes: Sequence[Outcome]) -> list[str]:
    return [name for name in COLUMNS if any(name in item.metrics for item in outcomes if item.status in MEASURED)]


def _failed(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [item for item in outcomes if item.status == "failed"]


def _finished(point: Point) -> int:
    return sum(item.status == "finished" for item in point.outcomes)


def _seeds(point: Point) -> str:
    done, whole = _finished(point), len(point.outcomes)
    return str(done) if done == whole else f"{done} of {whole}"


def _spread(point: Point, name: str) -> str:
    if name not in point.means:
        return "–"
    mean, spread = point.means[name], point.spreads.get(name)
    if name in COUNTS:
        return number(round(mean)) if spread is None else f"{mean:.1f} ± {spread:.1f}"
    return f"{mean:.2f}" if spread is None else f"{mean:.2f} ± {spread:.2f}"
