"""Video instance segmentation as YouTube-VIS scores it (Yang et al. 2019): average precision of whole tracks.

Two tracks overlap by the sum of their intersections over the sum of their unions, frames in which only one of them exists included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.files.run_lengths import mask_areas, mask_shares

THRESHOLDS = np.arange(0.5, 0.96, 0.05)
RECALLS = np.linspace(0.0, 1.0, 101)
EPSILON = float(np.finfo(np.float64).eps)


class Track(NamedTuple):
    """One object in one video.

    Attributes:
        category: its class.
        masks: frame number -> COCO's compressed run lengths (`pipeline.files.run_lengths`), in the frames in which the object exists.
        score: confidence of a result; ground truth has 1.
        crowd: whether a ground truth track is a crowd: it need not be found, and a result on it is not wrong.
    """

    category: int
    masks: Mapping[int, str]
    score: float = 1.0
    crowd: bool = False


class VideoTracks(NamedTuple):
    """One video's ground truth and results, whose pictures are height x width pixels."""

    truth: Sequence[Track]
    results: Sequence[Track]
    height: int
    width: int


class Precision(NamedTuple):
    """Scores of one class, or their mean over several, each in [0, 1]; NaN where there is nothing to find.

    Attributes:
        ap: mean over the thresholds .5 to .95.
        ap50: at .5.
        ap75: at .75.
        recall: mean over the thresholds of the share found.
    """

    ap: float
    ap50: float
    ap75: float
    recall: float


def score(videos: Sequence[VideoTracks]) -> dict[int, Precision]:
    """The precision of each class that is in ground truth or results."""
    classes = sorted({track.category for video in videos for track in (*video.truth, *video.results)})
    return {category: _of_class(videos, category) for category in classes}


def mean(classes: Mapping[int, Precision]) -> Precision:
    """Over the classes that have ground truth; the others, whose values are NaN, say nothing."""
    values = np.array([entry for entry in classes.values() if not np.isnan(entry.ap)]).reshape(-1, len(Precision._fields))
    return Precision(*values.mean(0).tolist()) if len(values) else Precision(*[float("nan")] * len(Precision._fields))


def track_iou(first: Mapping[int, str], second: Mapping[int, str], height: int, width: int) -> float:
    """Summed intersections over summed unions; 0 for two tracks without a pixel."""
    areas = [dict(zip(side, mask_areas(list(side.values()), height, width).tolist(), strict=True)) for side in (first, second)]
    both = [frame for frame in first if frame in second and areas[0][frame] and areas[1][frame]]
    shares = (mask_shares([first[frame]], [second[frame]], height, width).item() for frame in both)
    shared = sum(round(share * areas[0][frame]) for share, frame in zip(shares, both, strict=True))
    whole = sum(areas[0].values()) + sum(areas[1].values()) - shared
    return shared / whole if whole else 0.0


def _of_class(videos: Sequence[VideoTracks], category: int) -> Precision:
    scores, hits, ignored, wanted = [np.zeros(0)], [np.zeros((len(THRESHOLDS), 0), bool)], [np.zeros((len(THRESHOLDS), 0), bool)], 0
    for video in videos:
        truth = sorted((track for track in video.truth if track.category == category), key=lambda track: track.crowd)
        results = sorted((track for track in video.results if track.category == category), key=lambda track: -track.score)
        size = video.height, video.width
        pairs = [[track_iou(one.masks, other.masks, *size) for other in truth] for one in results]
        overlap = np.array(pairs).reshape(len(results), len(truth))
        crowd = np.array([track.crowd for track in truth], np.bool_)
        hit, ignore = zip(*(_match(overlap, crowd, threshold) for threshold in THRESHOLDS), strict=True)
        scores.append(np.array([track.score for track in results]))
        hits.append(np.stack(hit))
        ignored.append(np.stack(ignore))
        wanted += int((~crowd).sum())
    if not wanted:
        return Precision(*[float("nan")] * len(Precision._fields))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    found, left_out = np.concatenate(hits, 1)[:, order], np.concatenate(ignored, 1)[:, order]
    curves = [_average(found[row] & ~left_out[row], ~found[row] & ~left_out[row], wanted) for row in range(len(THRESHOLDS))]
    precision, recall = np.array(curves).T
    return Precision(float(precision.mean()), float(precision[0]), float(precision[5]), float(recall.mean()))


def _match(overlap: NDArray[np.float64], crowd: NDArray[np.bool_], threshold: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which results, best first, hit a track that is still free, and which of them hit what is neither right nor wrong."""
    free, hit, ignored = np.ones(len(crowd), bool), np.zeros(len(overlap), bool), np.zeros(len(overlap), bool)
    for row, values in enumerate(overlap):
        for group in (~crowd, crowd):
            open_ = np.flatnonzero(free & group & (values >= min(threshold, 1 - 1e-10) - EPSILON))
            if len(open_):
                best = open_[len(open_) - 1 - values[open_][::-1].argmax()]  # of equal ones the last
                hit[row], ignored[row], free[best] = True, crowd[best], False
                break
    return hit, ignored


def _average(right: NDArray[np.bool_], wrong: NDArray[np.bool_], wanted: int) -> tuple[float, float]:
    """The mean over 101 recalls of the best precision at that recall or more, and the recall reached."""
    rights, wrongs = right.cumsum(), wrong.cumsum()
    if not len(rights):
        return 0.0, 0.0
    precision = np.maximum.accumulate((rights / np.maximum(rights + wrongs, EPSILON))[::-1])[::-1]
    places = np.searchsorted(rights / wanted, RECALLS, side="left")
    return float(np.append(precision, 0.0)[np.minimum(places, len(precision))].mean()), float(rights[-1] / wanted)
