"""From a number's place, as a person writes it, to what is known of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.artifacts.publication import read_manifest
from pipeline.artifacts.store import MANIFEST
from pipeline.errors import UserError
from pipeline.registry.trace import Trace, of_run
from throughline.figures import Figures

LEDGER = "docs/tables.json"
BENCHMARKS = "benchmarks/results.json"
PAPERS, PERFORMANCE = "docs/papers/", "docs/performance.md"
FORMS = "README.md:LINE, docs/tables.json#LABEL, artifacts/evaluate/metrics.json, models:/NAME/VERSION"


def traces(source: str, root: Path, tracking_uri: str) -> list[Trace]:
    """What is known of the numbers at a source.

    Args:
        source: a line of a page (`README.md:78`), a row of the ledger (`docs/tables.json#UTrack`, by label or number from 1), a file or
            folder that a stage published, or a version of the registry.
        root: the repository.
        tracking_uri: MLflow's store.

    Raises:
        UserError: there is no such source, or nothing of it was recorded.
    """
    if source.startswith("models:/"):
        return _version(source, tracking_uri)
    name, _, row = source.partition("#")
    if row and _relative(name, root) == LEDGER:
        return _rows(root, lambda number, item: row in (str(number), str(item["label"])), row)
    page = re.fullmatch(r"(.+\.md):(\d+)", source)
    if page is not None and (root / page[1]).is_file():
        return _line(_relative(page[1], root), int(page[2]), root)
    path = root / source
    if path.exists():
        return [_published(path, root, tracking_uri)]
    raise UserError(f"{source}: no such source of numbers\nnext: write it as {FORMS}")


def _relative(name: str, root: Path) -> str:
    path = (root / name).resolve()
    return path.relative_to(root.resolve()).as_posix() if path.is_relative_to(root.resolve()) else name


def _version(source: str, tracking_uri: str) -> list[Trace]:
    """Each score of a version, and the training that made its weights."""
    from pipeline.registry.registry import show
    from pipeline.registry.scores import Candidate, scores

    item = show(source, tracking_uri)
    candidate, found = Candidate.of_tags(item.tags), []
    own = {"weights": candidate.weights_sha256, "tracker": json.dumps(dict(candidate.tracker))} if candidate else {}
    for score in scores(item.tags).values():
        values = ", ".join(f"{name} {value:.2f}" for name, value in score.metrics.items())
        what = f"{item.label}: {values}\n  from {score.conditions.text}"
        known, origin = of_run(tracking_uri, score.origin.get("run", ""), what), dict(score.origin)
        machine = {key.removeprefix("machine "): value for key, value in origin.items() if key.startswith("machine ")}
        code = {key.removeprefix("code of "): value for key, value in origin.items() if key.startswith("code of ")}
        facts = {**known.facts, **own, "commit": origin.get("commit", "")}
        parameters = {"params.yaml": origin.get("parameters", "")} | dict(known.parameters)
        data = {"evaluation data": score.conditions.data} | dict(known.data)
        found.append(Trace(what, facts, parameters, data, dict(known.code) | code, machine or known.machine))
    return found or [of_run(tracking_uri, item.run_id, f"{item.label}: no scores; its weights:")]


def _rows(root: Path, wanted: Callable[[int, dict[str, Any]], bool], words: str) -> list[Trace]:
    """Rows of the paper tables' ledger."""
    path = root / LEDGER
    if not path.is_file():
        raise UserError(f"{path}: no such file\nnext: `throughline tables`")
    records = list(enumerate(json.loads(path.read_text()), start=1))
    found = [_row(number, item) for number, item in records if wanted(number, item)]
    if not found:
        labels = ", ".join(sorted({item["label"] for _, item in records}))
        raise UserError(f"{LEDGER}: no row {words}; rows are 1 to {len(records)}, or {labels}")
    return found


def _row(number: int, item: dict[str, Any]) -> Trace:
    made, commit = item.get("made") or {}, item["commit"].rstrip("+")
    values = ", ".join(f"{name} {value:.2f}" for name, value in item["metrics"].items())
    facts = {"commit": item["commit"], "seed": str(item["seed"]), "fingerprint of parameters, data and code": item["fingerprint"]}
    parameters = {"digest of what the steps read": item["setting"]} | made.get("parameters", {})
    if not made:  # a row of before the ledger kept more
        parameters["in words"] = f"row {item['label']} of `git show {commit}:experiments/papers/outrack.yaml`, on {item['data']}"
    data = made.get("data", {"data sets": item["data"]})
    code = made.get("code", {"of the commit": commit})
    return Trace(f"{LEDGER}#{number}: {item['label']} on {item['data']}: {values}", facts, parameters, data, code, made.get("machine", {}))


def _line(page: str, line: int, root: Path) -> list[Trace]:
    """The figures in a line of a page, by the ledger that keeps them."""
    text = (root / page).read_text().splitlines()
    cells = [cell.strip() for cell in text[line - 1].strip("|").split("|")] if line <= len(text) else []
    if page.startswith(PAPERS) and text[line - 1 : line] and text[line - 1].startswith("|"):
        data = next((found[3:].strip().lower() for found in reversed(text[:line]) if found.startswith("## ")), "")
        label = cells[0].replace("*", "").strip()
        return _rows(root, lambda _, item: item["label"].replace("*", "") == label and data.startswith(item["data"].lower()), label)
    if page == PERFORMANCE and text[line - 1 : line] and text[line - 1].startswith("|"):
        return _benchmark(cells[0], root)
    found = Figures(root).at(page, line)
    if not found:
        raise UserError(f"{page}:{line}: holds no figure that docs/figures.json knows\nnext: name the line of a figure")
    return [
        Trace(f"{item.page}: {item.text}", **{key: value for key, value in vars(item.trace).items() if key != "what"}) for item in found
    ]


def _benchmark(what: str, root: Path) -> list[Trace]:
    """A line of the benchmarks' table."""
    for item in json.loads((root / BENCHMARKS).read_text()):
        if item["what"] == what.partition(" (")[0] or item["what"] == what:
            facts = {"command": f"python -m benchmarks {item['step']}", "commit": item["commit"]}
            code = {"of the commit": item["commit"]}
            return [
                Trace(
                    f"{BENCHMARKS}: {what}", facts, {"none": "sizes stand in the line"}, {"none": "made up"}, code, {"cpu": item["machine"]}
                )
            ]
    raise UserError(f"{PERFORMANCE}: {what!r} is no line of {BENCHMARKS}\nnext: name a line of its table")


def _published(path: Path, root: Path, tracking_uri: str) -> Trace:
    """A file or folder that a stage published, by the run that wrote it."""
    from pipeline.registry.runs import find_writer

    folder = next((place for place in (path, *path.parents) if (place / MANIFEST).is_file()), None)
    if folder is None:
        raise UserError(f"{path}: no stage published it, so nobody can say where it comes from\nnext: write the source as {FORMS}")
    manifest = read_manifest(folder)
    what = f"{_relative(str(path), root)}, which {manifest.stage} made"
    run = find_writer(tracking_uri, manifest)
    own = {"fingerprint": manifest.fingerprint, "content": manifest.digest}
    if run is None:
        return Trace(what, own | {"run": f"none in the store at {tracking_uri}"})
    found = of_run(tracking_uri, run, what)
    return Trace(what, {**found.facts, **own}, found.parameters, found.data, found.code, found.machine)
