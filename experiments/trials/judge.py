"""From what a network saw to scores: track again from stored observations and score in memory, without running the detector."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from experiments.trials.observe import NETWORK, truths
from pipeline.contract.spec import ModelSpec
from pipeline.errors import UserError
from pipeline.files.observations import ObservedSequence
from pipeline.params.sections import Params
from pipeline.scoring.sequences import ScoredSequence, with_results
from pipeline.scoring.tracking import score
from pipeline.tracking.asked import load_asked
from pipeline.tracking.association import TOGETHER, ResultRows, associate_all, load
from pipeline.tracking.oracle import associate_by_truth
from pipeline.tracking.plan import tracked_frames

Report = Callable[[dict[str, float], float], None]


def judge(
    params: Params, spec: ModelSpec, options: BaseModel, model: Path, seen: Path, root: Path, report: Report | None = None
) -> dict[str, float]:
    """Metrics of a tracker's options on what a network saw.

    Args:
        params: says which frames count and by whose rules.
        spec: the model that saw.
        options: its options; those of the tracker are what is judged.
        model: folder of the network that saw, of which trackers that ask need a part.
        seen: folder that `observe` published.
        root: the repository.
        report: called after each sequence but the last, with the metrics over the sequences done and the share of sequences done.

    Raises:
        UserError: no sequence has ground truth.
    """
    sequences = truths(params, root)
    if not sequences:
        raise UserError(f"no sequence with ground truth among the {params.track.frames} frames\nnext: trials need one to be scored")
    scored: list[ScoredSequence] = []
    counts: Counter[str] = Counter()
    found = _true(list(sequences), params, spec, seen, root) if params.track.association == "ground_truth" else None
    for name, rows in found or _tracked(list(sequences), spec, options, model, seen):
        counts.update(rows.counts)
        scored.append(with_results(sequences[name], rows.collect()))
        if report is not None and len(scored) < len(sequences):
            report(_tracking(scored, params), len(scored) / len(sequences))
    network = json.loads((seen / NETWORK).read_text())
    hidden = {f"hidden_{name}": value for name, value in _numbers(network.get("reid_hidden")).items()}
    seen_alone = _numbers(network.get("reid")) | _numbers(network["detection"]) | hidden | _numbers(network.get("parts"))
    return _tracking(scored, params) | seen_alone | _numbers(counts)


def _tracked(names: Sequence[str], spec: ModelSpec, options: BaseModel, model: Path, seen: Path) -> Iterator[tuple[str, ResultRows]]:
    """The tracks of each sequence; trackers that ask share passes of their network."""
    asked = load_asked(spec, options, model)
    size = 1 if asked is None else TOGETHER
    for start in range(0, len(names), size):
        part = names[start : start + size]
        yield from zip(part, associate_all([_seen(seen / f"{name}.parquet", spec) for name in part], spec, options, asked), strict=True)


def _true(names: Sequence[str], params: Params, spec: ModelSpec, seen: Path, root: Path) -> Iterator[tuple[str, ResultRows]]:
    """The tracks of each sequence, whose identities are the ground truth's."""
    frames = tracked_frames(params, root)
    files = {name: frames.file((dataset, name)) for dataset, name in frames.spans}
    for name in names:
        yield name, associate_by_truth(_seen(seen / f"{name}.parquet", spec), files[name])


@functools.lru_cache(maxsize=256)
def _seen(path: Path, spec: ModelSpec) -> ObservedSequence:
    """Read observations, cached by path: files are named by what made them, so a path has one content."""
    return load(path, spec)


def _tracking(scored: Sequence[ScoredSequence], params: Params) -> dict[str, float]:
    return _numbers(score(scored, params.evaluate.benchmark, params.pack_samples.classes).combined._asdict())


def _numbers(values: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (values or {}).items() if isinstance(value, int | float)}
