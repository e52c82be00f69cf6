"""HOTA, CLEAR and Identity by the rules of a benchmark: the numbers that TrackEval gives, several times faster."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.errors import UserError
from pipeline.params.classes import LAST_OF_MOTCHALLENGE, PEDESTRIAN, PEDESTRIANS
from pipeline.scoring.by_class import by_class
from pipeline.scoring.clear import Clear, clear
from pipeline.scoring.clear import combined as all_clear
from pipeline.scoring.compared import BOXES, UNKNOWN, compare
from pipeline.scoring.hota import Hota, hota
from pipeline.scoring.hota import combined as all_hota
from pipeline.scoring.identity import Identity, identity
from pipeline.scoring.identity import combined as all_identity
from pipeline.scoring.rules import BY_CLASS, WITHOUT_CLASSES, Benchmark, scored_mask
from pipeline.scoring.sequences import ScoredSequence, TextSequence, find_text, read_text
from pipeline.scoring.similarities import Similarity
from pipeline.scoring.spread import in_processes


class TrackingMetrics(NamedTuple):
    """Scores of one sequence, or of all together (computed from summed counts, not averaged).

    Percent: HOTA, DetA, AssA, LocA (means over IoU thresholds 0.05 to 0.95), MOTA, MOTP (mean IoU of matches), IDF1, IDP, IDR.
    Counts: IDSW identity switches, FP false and FN missed boxes, MT and ML identities tracked in more than 80 % and less than 20 % of
    their frames, Frag interruptions, and what was compared: boxes and identities of ground truth and results after the
    benchmark's rules.
    """

    HOTA: float
    DetA: float
    AssA: float
    LocA: float
    MOTA: float
    MOTP: float
    IDF1: float
    IDP: float
    IDR: float
    IDSW: int
    FP: int
    FN: int
    MT: int
    ML: int
    Frag: int
    truth_boxes: int
    truth_identities: int
    result_boxes: int
    result_identities: int


class TrackingScores(NamedTuple):
    """`combined` over all sequences, and each `sequences[name]`.

    Where several classes are scored one by one, these add all classes up (TrackEval's average over detections); `classes[name]` is each
    class over all sequences, and `mean` their average (its average over classes), in which a class without results counts 0. `curves` holds
    HOTA, DetA, AssA and LocA of `combined` at each threshold of overlap, in percent.
    """

    combined: TrackingMetrics
    sequences: dict[str, TrackingMetrics]
    classes: dict[str, TrackingMetrics] = {}  # noqa: RUF012  # never changed
    mean: TrackingMetrics | None = None
    curves: dict[str, list[float]] = {}  # noqa: RUF012  # never changed


class Measured(NamedTuple):
    """What is known of a sequence and can be added up over several; the last four are those of `TrackingMetrics`."""

    hota: Hota
    clear: Clear
    identity: Identity
    truth_boxes: int
    truth_identities: int
    result_boxes: int
    result_identities: int


def score(sequences: Sequence[ScoredSequence], benchmark: Benchmark, classes: Sequence[str] = PEDESTRIANS) -> TrackingScores:
    """Score tracking results; `classes` names what is tracked, for the benchmark of that name.

    A frame without results counts as missed, a sequence without rows as all missed; one without ground truth adds only false positives.

    Raises:
        UserError: there is no sequence or a name comes twice, and as `measure`.
    """
    names = [sequence.name for sequence in sequences]
    if not names or len(set(names)) < len(names):
        raise UserError(f"scoring needs sequences with different names, got {names}")
    if benchmark == BY_CLASS:
        return over_classes({sequence.name: measure_classes(sequence, classes) for sequence in sequences})
    return together({sequence.name: measure(sequence, benchmark) for sequence in sequences})


def score_text(root: Path, tracks: Path, benchmark: Benchmark, classes: Sequence[str] = PEDESTRIANS) -> tuple[TrackingScores, list[str]]:
    """Score result files against ground truth files, the sequences side by side in as many processes as there are CPUs.

    Args:
        root: see `find_text`.
        tracks: folder with <sequence>.txt.
        benchmark: whose rules.
        classes: names of what is tracked, for the benchmark of that name.

    Returns:
        The scores, and remarks for the user.

    Raises:
        UserError: as `find_text`, `read_text` and `measure`.
    """
    found, strays = find_text(root, tracks)
    work = partial(_measure_text, benchmark=benchmark, classes=classes)
    done = in_processes(work, found, size=lambda item: (item.folder / "gt" / "gt.txt").stat().st_size)
    parts = {item.folder.name: measured for item, (measured, _) in zip(found, done, strict=True)}
    scores = over_classes(parts) if benchmark == BY_CLASS else together({name: part[""] for name, part in parts.items()})
    return scores, [*(line for _, remarks in done for line in remarks), *strays]


def _measure_text(found: TextSequence, benchmark: Benchmark, classes: Sequence[str]) -> tuple[dict[str, Measured], list[str]]:
    """By class, or under the name "" where classes are not scored one by one."""
    sequence, remarks = read_text(found, classes=benchmark not in WITHOUT_CLASSES)
    if benchmark == BY_CLASS:
        return measure_classes(sequence, classes), remarks
    kinds = np.unique(sequence.results.class_id)
    if benchmark == "none" and len(kinds) and kinds[-1] > PEDESTRIAN:
        remarks.append(f"{sequence.name}: the results have classes {kinds.tolist()}; the benchmark none compares boxes of any class")
    return {"": measure(sequence, benchmark)}, remarks


def measure_classes(sequence: ScoredSequence, classes: Sequence[str]) -> dict[str, Measured]:
    """All there is to know of each class of one sequence.

    Raises:
        UserError: as `measure`.
    """
    return {name: measure(part, BY_CLASS) for name, part in by_class(sequence, classes).items()}


def measure(sequence: ScoredSequence, benchmark: Benchmark, similarity: Similarity = BOXES) -> Measured:
    """All there is to know of one sequence; `similarity`: whether boxes, masks or joints are compared.

    Raises:
        UserError: a class is outside 1 to 13 where the benchmark looks at classes, results have another class than pedestrian, a scored
            ground truth box has no identity, or an identity is in a frame twice.
    """
    _check(sequence, benchmark)
    seen = compare(sequence, benchmark, similarity)
    sizes = len(seen.truth), seen.truth.identities, len(seen.results), seen.results.identities
    return Measured(hota(seen), clear(seen), identity(seen), *sizes)


def together(parts: dict[str, Measured]) -> TrackingScores:
    """The scores of sequences by their names, and of all of them."""
    everything = _sum([parts[name] for name in sorted(parts)])
    each = {name: _metrics(part) for name, part in parts.items()}
    return TrackingScores(_metrics(everything), each, curves=_curves(everything))


def over_classes(parts: dict[str, dict[str, Measured]]) -> TrackingScores:
    """The scores of sequences by their names, each by classes; of one class no more is said than `together` does."""
    names = list(next(iter(parts.values())))
    classes = {name: _sum([parts[sequence][name] for sequence in sorted(parts)]) for name in names}
    each = {sequence: _metrics(_sum(list(found.values())) if len(names) > 1 else found[names[0]]) for sequence, found in parts.items()}
    if len(names) == 1:
        return TrackingScores(_metrics(classes[names[0]]), each, curves=_curves(classes[names[0]]))
    named, everything = {name: _metrics(found) for name, found in classes.items()}, _sum(list(classes.values()))
    return TrackingScores(_metrics(everything), each, named, _mean(list(classes.values())), _curves(everything))


def _sum(parts: Sequence[Measured]) -> Measured:
    """Several sequences, or classes, together."""
    return Measured(
        all_hota([part.hota for part in parts]),
        all_clear([part.clear for part in parts]),
        all_identity([part.identity for part in parts]),
        sum(part.truth_boxes for part in parts),
        sum(part.truth_identities for part in parts),
        sum(part.result_boxes for part in parts),
        sum(part.result_identities for part in parts),
    )


def _curves(found: Measured) -> dict[str, list[float]]:
    return {name: (100 * values).tolist() for name, values in found.hota.curves.items()}


def _mean(parts: Sequence[Measured]) -> TrackingMetrics:
    """Averages of shares over classes; counts are added."""
    curves = [part.hota.curves for part in parts]
    hota = {name: np.mean([found[name] for found in curves], axis=0) for name in curves[0]}
    shares = [part.clear.shares | part.identity.shares for part in parts]
    means = {name: 100 * float(np.mean(values)) for name, values in hota.items()}
    means |= {name: 100 * float(np.mean([found[name] for found in shares])) for name in shares[0]}
    return _metrics(_sum(parts))._replace(**means)  # type: ignore[arg-type]  # the names are those of fields in percent


def _check(sequence: ScoredSequence, benchmark: Benchmark) -> None:
    truth = sequence.truth
    scored = scored_mask(truth, benchmark)
    nameless = np.flatnonzero(scored & (truth.identity == UNKNOWN))
    if len(nameless):
        raise UserError(
            f"{sequence.name}: ground truth of frame {truth.frame[nameless[0]]} has no identity ({len(nameless)} such boxes)\n"
            "next: tracking cannot be scored without identities; number the people, or set the flag (column 7) of these boxes to 0"
        )
    others = np.flatnonzero(sequence.results.class_id > PEDESTRIAN)
    if benchmark not in ("none", BY_CLASS) and len(others):
        raise UserError(
            f"{sequence.name}: the results have class {sequence.results.class_id[others[0]]} (column 8) in frame "
            f"{sequence.results.frame[others[0]]} ({len(others)} such rows); {benchmark} scores pedestrians, class {PEDESTRIAN}, alone\n"
            f"next: score by {BY_CLASS}, leave the other classes out, write -1 where column 8 is no class, or score by none, which "
            "compares no classes"
        )
    last = LAST_OF_MOTCHALLENGE
    foreign = np.unique(truth.class_id[(truth.class_id < PEDESTRIAN) | (truth.class_id > last)])
    if benchmark not in (*WITHOUT_CLASSES, BY_CLASS) and len(foreign):
        raise UserError(
            f"{sequence.name}: ground truth has classes {foreign.tolist()}, {benchmark} knows {PEDESTRIAN} to {last}\n"
            f"next: correct them, or score by {BY_CLASS}, or by a benchmark that looks at no classes: {', '.join(WITHOUT_CLASSES)}"
        )


def _metrics(found: Measured) -> TrackingMetrics:
    counted = found.clear
    shares = found.hota.scores | {"MOTA": counted.mota, "MOTP": counted.motp} | found.identity.scores
    counts = {"IDSW": counted.switches, "FP": counted.false, "FN": counted.missed, "MT": counted.mostly, "ML": counted.lost}
    counts |= {"Frag": counted.fragments}
    sizes = {name: getattr(found, name) for name in Measured._fields[3:]}
    return TrackingMetrics(**shares, **counts, **sizes)  # type: ignore[arg-type]  # names and kinds are those of the fields
