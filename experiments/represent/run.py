"""Judges representations one after another, keeps each one's scores and shows them as a table."""

from __future__ import annotations

import json
from pathlib import Path

from experiments.represent.representations import Entry, load
from experiments.represent.true_boxes import Shown, judge
from pipeline.artifacts import code
from pipeline.artifacts.publication import file_digest, read_manifest
from pipeline.artifacts.store import follow, write_text
from pipeline.errors import UserError
from pipeline.files.frames import frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.tracking.plan import frame_file

COLUMNS = ("IDF1", "AssA", "HOTA", "IDSW")
FOLDER = "artifacts/represent"
CODE = ("experiments/represent/representations.py", "experiments/represent/true_boxes.py")


def represent(entries: dict[str, Entry], params: Params, root: Path, limit: int | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by representation and row of Table 4; what was judged before on the same data is not judged again.

    Args:
        entries: by name.
        params: whose held-out frames and seed.
        root: the repository.
        limit: of sequences; None: all that have ground truth.

    Raises:
        UserError: there is no data with ground truth, or an entry cannot be loaded.
    """
    shown = _shown(params, root)[:limit]
    found = {}
    for name, entry in entries.items():
        path, key = root / FOLDER / f"{name}.json", _key(entry, params, root, shown)
        kept = json.loads(path.read_text()) if path.is_file() else {}
        if kept.get("key") != key:
            network = load(entry, root, params.base.seed)
            kept = {"key": key, "scores": {row: metrics._asdict() for row, metrics in judge(shown, network, params.base.seed).items()}}
            write_text(path, json.dumps(kept, indent=1) + "\n")
        found[name] = kept["scores"]
    return found


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The scores as a table in Markdown, one row for each representation and way to join."""
    lines = [f"| representation | joined by | {' | '.join(COLUMNS)} |", "|---|---|" + "---|" * len(COLUMNS)]
    for name, rows in found.items():
        for row, metrics in rows.items():
            cells = [f"{metrics[column]:.1f}" if isinstance(metrics[column], float) else str(metrics[column]) for column in COLUMNS]
            lines.append(f"| {name} | {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(params: Params, root: Path) -> list[Shown]:
    folder = follow(root / "data" / "frames")
    selected = spans(read_split(follow(root / "data" / "samples")), params.track.frames)
    files = [(frame_file(folder, name), span) for name, span in sorted(selected.items())]
    shown = [Shown(path, span) for path, span in files if frame_facts(path)["ground_truth"]]
    if not shown:
        raise UserError(f"represent: no sequence with ground truth among the {params.track.frames} frames\nnext: set track.frames")
    return shown


def _key(entry: Entry, params: Params, root: Path, shown: list[Shown]) -> str:
    """Names what an entry's scores depend on."""
    weights = root / entry.weights
    spans_ = [(item.frames.name, item.span) for item in shown]
    data = read_manifest(root / "data" / "frames").digest
    given = file_digest(weights) if weights.is_file() else entry.weights
    return digest(entry.network, given, params.base.seed, data, spans_, code.digest(CODE, code.ROOT))
