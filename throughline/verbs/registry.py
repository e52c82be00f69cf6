"""`throughline registry list|show|compare|fetch|promote|rollback|record`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from throughline import PARAMS

if TYPE_CHECKING:
    from pipeline.registry.registry import Registered
    from pipeline.registry.scores import Score

SHOWN = ("HOTA", "MOTA", "IDF1")  # scores in a line
SHORT = 12  # characters of a digest that are shown

registry = typer.Typer(
    name="registry",
    help="The registered models and their scores: list, show, compare, fetch, promote, rollback, record.",
    no_args_is_help=True,
)
Reference = Annotated[str, typer.Argument(help="NAME@ALIAS or NAME/VERSION, e.g. outrack@champion.")]
TrackingUri = Annotated[str | None, typer.Option(help="MLflow store.", show_default="mlflow.tracking_uri of params.yaml")]


@registry.command("list")
def list_all(tracking_uri: TrackingUri = None) -> None:
    """Every version with its aliases, and each of its scores with what it belongs to."""
    from pipeline.registry.registry import versions

    uri = _store(tracking_uri)
    print("\n".join(map(_lines, versions(uri))) or f"no registered models at {uri}")


@registry.command()
def show(reference: Reference, tracking_uri: TrackingUri = None) -> None:
    """One version: its scores, options of its tracker, and all other tags."""
    from pipeline.registry.registry import show
    from pipeline.registry.scores import SCORE_TAG, TRACKER_TAG, Candidate

    item = show(reference, _store(tracking_uri))
    candidate = Candidate.of_tags(item.tags)
    options = [f"    {key}: {value}" for key, value in (candidate.tracker.items() if candidate else ())]
    tags = [f"  {key}: {value}" for key, value in sorted(item.tags.items()) if key != TRACKER_TAG and not key.startswith(SCORE_TAG)]
    print("\n".join([_lines(item), f"  run {item.run_id}", *(["  tracker:"] if options else []), *options, *tags]))


@registry.command()
def compare(one: Reference, other: Reference, tracking_uri: TrackingUri = None) -> None:
    """What two versions differ in, and their scores under the conditions that both were scored under."""
    from pipeline.registry.registry import show

    uri = _store(tracking_uri)
    print("\n".join(_compared(show(one, uri), show(other, uri))))


@registry.command()
def fetch(
    reference: Reference,
    out: Annotated[Path | None, typer.Option(help="Folder to make or fill.", show_default="NAME-VERSION")] = None,
    tracking_uri: TrackingUri = None,
) -> None:
    """Copy weights, card and parameters of a version into a folder."""
    from pipeline.registry.registry import fetch, show

    uri = _store(tracking_uri)
    item = show(reference, uri)
    print(fetch(reference, uri, out or Path(f"{item.name}-{item.version}")))


@registry.command()
def promote(reference: Reference, tracking_uri: TrackingUri = None) -> None:
    """Make a version champion by hand, e.g. after the evaluation data changed."""
    from pipeline.registry.champions import make_champion

    print(f"champion is now\n{_lines(make_champion(reference, _store(tracking_uri)))}")


@registry.command()
def rollback(name: Annotated[str, typer.Argument(help="Registered model, e.g. outrack.")], tracking_uri: TrackingUri = None) -> None:
    """Give `champion` back to the version that had it before; the present one competes no more until it is promoted by hand."""
    from pipeline.registry.champions import rollback

    was, now = rollback(name, _store(tracking_uri))
    print(f"{was.name}/{was.version} is taken back\n{_lines(was)}\nchampion is again\n{_lines(now)}")


@registry.command()
def record(params: Annotated[Path, typer.Option(help="Parameter file.", show_default="params.yaml")] = PARAMS) -> None:
    """Register what lies in artifacts/, with its score, where the registry does not know it yet.

    That is so after a kill in the wrong moment, and where DVC restored outputs that another store's runs made. Nothing is made anew.
    """
    from stages import make_good
    from stages.evaluate import RECORD as SCORE
    from stages.finetune import RECORD as MODEL

    for stage, made in (("finetune", MODEL), ("evaluate", SCORE)):
        if not make_good(stage, made, params):
            print(f"{stage}: the registry knows it")


def _store(tracking_uri: str | None) -> str:
    """The store with an absolute path; MLflow, which announces the tables of a new one, is silenced."""
    import logging

    from pipeline.params import file
    from pipeline.registry.address import absolute_uri
    from pipeline.registry.address import tracking_uri as store_of

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return absolute_uri(tracking_uri, PARAMS.parent) if tracking_uri else store_of(file.load(PARAMS).mlflow.tracking_uri, PARAMS.parent)


def _lines(item: Registered) -> str:
    """A version in a line, and each of its scores in one below."""
    from pipeline.registry.champions import WITHDRAWN_TAG
    from pipeline.registry.scores import WEIGHTS_TAG, scores
    from pipeline.registry.variants import OF_TAG

    words = [item.label, f"weights {item.tags.get(WEIGHTS_TAG, 'unknown')[:SHORT]}"]
    words += [f"of version {item.tags[OF_TAG]}, with another tracker"] if OF_TAG in item.tags else []
    words += ["taken back"] if WITHDRAWN_TAG in item.tags else []
    found = scores(item.tags).values()
    return "\n".join(["  ".join(words), *([f"  {_line(score)}" for score in found] or ["  no scores"])])


def _line(score: Score) -> str:
    values = [f"{key} {score.metrics[key]:.2f}" for key in SHOWN if key in score.metrics]
    return f"{'  '.join(values)}  from {score.conditions.text}, run {score.origin.get('run', 'unknown')[:SHORT]}"


def _compared(one: Registered, other: Registered) -> list[str]:
    from pipeline.registry.scores import Candidate, scores

    ours, theirs = Candidate.of_tags(one.tags), Candidate.of_tags(other.tags)
    lines = [f"{one.label} against {other.label}"]
    if ours is not None and theirs is not None:
        same = ours.weights_sha256 == theirs.weights_sha256
        lines += [f"  weights: {'the same' if same else f'{ours.weights_sha256[:SHORT]} against {theirs.weights_sha256[:SHORT]}'}"]
        options = {key: (ours.tracker.get(key), theirs.tracker.get(key)) for key in {**ours.tracker, **theirs.tracker}}
        lines += [f"  tracker: {key} {a} against {b}" for key, (a, b) in options.items() if a != b]
    known, others = scores(one.tags), scores(other.tags)
    for key in [key for key in known if key in others]:
        lines += [f"  from {known[key].conditions.text}:"]
        pairs = {name: (known[key].metrics[name], others[key].metrics[name]) for name in SHOWN if name in known[key].metrics}
        lines += [f"    {name} {a:.2f} against {b:.2f} ({a - b:+.2f})" for name, (a, b) in pairs.items()]
    if not set(known) & set(others):
        lines += ["  no score of theirs can be compared:"]
        lines += [f"    {item.name}/{item.version}: {_line(score)}" for item in (one, other) for score in scores(item.tags).values()]
    return lines
