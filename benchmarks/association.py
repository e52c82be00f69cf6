"""Time of association per frame: prediction, costs, assignment, life cycle, for 20 to 2,000 people, with embeddings and without.

Peers without embeddings: ByteTrack in Cython (pyxtrackers) and in Python (trackers), which compare boxes alone. The share of our boxes that
pyxtrackers gives the same identities is part of the line's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from benchmarks.harness import Growth, Timed, Work, compare, grow
from benchmarks.scenes import crowd
from models.occlusion.detections import OccludedDetections
from models.outrack.options import OPTIONS
from models.outrack.tracker import OutrackTracker
from models.outrack.tracker_options import TrackerOptions
from pipeline.artifacts.code import ROOT
from pipeline.numerics.boxes import iou
from pipeline.params.yaml_file import read_yaml

# Released OUTrack: seconds per frame of its first stage, by number of objects, measured on a similar core.
RELEASED = {20: 1.6e-3, 60: 4.5e-3, 150: 13.9e-3}
FRAMES = {20: 150, 60: 100, 150: 60, 1000: 12}
PEOPLE, LENGTHS = (20, 60, 150, 400, 1000, 2000), (625, 2500, 10_000)
SIZE, RATE = 10_000, 30.0


def measure() -> Iterator[Timed | Growth]:
    """A line for each number of people, with embeddings; then by boxes alone, beside peers; then growth."""
    for people, frames in FRAMES.items():
        seen = crowd(people, frames)
        timed = compare(f"association, {people} objects, embeddings", "frame", frames, _ours(seen))
        known = {"OUTrack, released (stated)": RELEASED[people]} if people in RELEASED else {}
        yield Timed(timed.what, timed.unit, timed.ours, known, None, 4.0 if known else None, timed.spread)
    for people, frames in FRAMES.items():
        seen = [_plain(item) for item in crowd(people, frames, dimensions=1)]
        peers = {"pyxtrackers ByteTrack": _cython(seen), "trackers ByteTrack": _python(seen)}
        what = f"association, {people} objects, boxes alone ({agreement(seen):.1%} as pyxtrackers)"
        yield compare(what, "frame", frames, _ours(seen), peers, aim=1.0 if people >= 60 else None)
    yield grow("association, 30 frames", "objects", PEOPLE, lambda people: _ours(crowd(people, 30)))
    yield grow("association, 60 objects", "frames", LENGTHS, lambda frames: _ours(crowd(60, frames, dimensions=8)))


def agreement(seen: Sequence[OccludedDetections]) -> float:
    """Share of our boxes whose identities agree with those of pyxtrackers.

    Each identity of ours is paired with the one that pyxtrackers gives most of its boxes; boxes are the same from an IoU above 0.5.
    """
    from pyxtrackers import BYTETracker

    ours, theirs, pairs = _tracker(), BYTETracker(), Counter[tuple[int, int]]()
    count = 0
    for item in seen:
        found, other = ours.update(item), theirs.update(_rows(item))
        overlap = iou(found.boxes, other[:, :4])
        same = overlap.max(axis=1, initial=0) > 0.5
        pairs.update(zip(found.identities[same].tolist(), other[overlap[same].argmax(axis=1), 4].astype(int).tolist(), strict=True))
        count += len(found.boxes)
    best = Counter[int]()
    for (mine, _), times in pairs.items():
        best[mine] = max(best[mine], times)
    return best.total() / count


@cache
def options() -> TrackerOptions:
    """Tracker options of the default preset."""
    raw = read_yaml(ROOT / "presets" / "walkers.yaml", missing="")["model"]
    return OPTIONS.model_validate({key: value for key, value in raw.items() if key != "name"}).tracker


def _tracker() -> OutrackTracker:
    return OutrackTracker(options(), frame_rate=RATE, width=SIZE, height=SIZE)


def _ours(seen: Sequence[Any]) -> Work:
    def work() -> None:
        tracker = _tracker()
        for item in seen:
            tracker.update(item)

    return work


def _plain(item: OccludedDetections) -> OccludedDetections:
    return OccludedDetections(
        item.boxes,
        item.scores,
        np.zeros((len(item.boxes), 0), np.float32),
        item.occlusion_centres,
        item.occlusion_scores,
    )


def _cython(seen: Sequence[OccludedDetections]) -> Work:
    from pyxtrackers import BYTETracker

    return _each(BYTETracker, lambda tracker, rows: tracker.update(rows), [_rows(item) for item in seen])


def _python(seen: Sequence[OccludedDetections]) -> Work:
    import supervision
    from trackers import ByteTrackTracker

    items = [supervision.Detections(item.boxes, confidence=item.scores, class_id=np.zeros(len(item.boxes), int)) for item in seen]
    return _each(ByteTrackTracker, lambda tracker, found: tracker.update(found), items)


def _each(kind: Callable[[], Any], update: Callable[[Any, Any], object], items: Sequence[Any]) -> Work:
    def work() -> None:
        tracker = kind()
        for item in items:
            update(tracker, item)

    return work


def _rows(item: OccludedDetections) -> Any:
    return np.column_stack([item.boxes, item.scores]).astype(np.float64)
