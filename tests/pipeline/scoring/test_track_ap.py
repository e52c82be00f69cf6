"""Average precision of tracks: the golden track overlap, TrackEval's TrackMAP, crowds and classes without anything."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from trackeval.metrics import TrackMAP

from pipeline.files.run_lengths import encode_mask
from pipeline.scoring.track_ap import Track, VideoTracks, mean, score, track_iou
from tests.pipeline.scoring.shapes import HEIGHT, RESULT, TRUTH, WIDTH, rectangle

SIZE = (40, 60)


def _track(category: int, top: int, frames: range, *, shift: int = 0, score: float = 1.0, crowd: bool = False) -> Track:
    masks = {t: encode_mask(rectangle(top, top + 7, 2 + t + shift, 20 + t, SIZE)) for t in frames}
    return Track(category, masks, score, crowd)


def test_golden_track_iou() -> None:
    """Masks of golden H, shifted right by 0, 2, 4 and by 0, 1 and then absent: 264 of 520."""
    truth = {t: encode_mask(np.roll(TRUTH, shift, 1)) for t, shift in enumerate((0, 2, 4))}
    result = {t: encode_mask(np.roll(RESULT, shift, 1)) for t, shift in enumerate((0, 1))}
    assert track_iou(truth, result, HEIGHT, WIDTH) == pytest.approx(0.507692, abs=5e-7)
    assert track_iou({}, {}, HEIGHT, WIDTH) == 0


def _videos(seed: int, crowds: bool) -> list[VideoTracks]:
    generator = np.random.default_rng(seed)
    videos = []
    for _ in range(4):
        truth = [_track(0, 9 * lane, range(6), crowd=crowds and bool(generator.random() < 0.3)) for lane in range(4)]
        results = []
        for lane in generator.integers(0, 4, 6):
            frames = range(int(generator.integers(0, 3)), int(generator.integers(4, 7)))
            shift = int(generator.integers(0, 7))
            results.append(_track(0, 9 * int(lane), frames, shift=shift, score=round(float(generator.random()), 2)))
        videos.append(VideoTracks(truth, results, *SIZE))
    return videos


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_precision_equals_trackevals(seed: int, crowds: bool) -> None:
    videos = _videos(seed, crowds)
    ours, theirs = score(videos)[0], _trackeval(videos)
    assert ours.ap == pytest.approx(float(np.mean(theirs["AP_all"])))
    assert (ours.ap50, ours.ap75) == pytest.approx((theirs["AP_all"][0], theirs["AP_all"][5]))
    assert ours.recall == pytest.approx(float(np.mean(theirs["AR_all"])))


def test_classes_are_scored_apart_and_averaged() -> None:
    """One found, one missed; a class that only results have says nothing."""
    videos = [VideoTracks([_track(1, 0, range(3)), _track(2, 9, range(3))], [_track(1, 0, range(3)), _track(3, 20, range(3))], *SIZE)]
    found = score(videos)
    assert (found[1].ap, found[2].ap) == (pytest.approx(1), 0)
    assert np.isnan(found[3].ap)
    assert mean(found).ap == pytest.approx(0.5)


def test_nothing_to_find() -> None:
    assert score([VideoTracks([], [], *SIZE)]) == {}
    assert np.isnan(mean({}).ap)
    crowd = score([VideoTracks([_track(1, 0, range(3), crowd=True)], [_track(1, 0, range(3))], *SIZE)])
    assert np.isnan(crowd[1].ap)


def _trackeval(videos: list[VideoTracks]) -> dict[str, np.ndarray]:
    metric = TrackMAP({"USE_AREA_RANGES": False, "USE_TIME_RANGES": False, "PRINT_CONFIG": False})
    found = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, video in enumerate(videos):
            results = sorted(video.results, key=lambda track: -track.score)
            sides = [
                [{t: {"size": list(SIZE), "counts": m.encode()} for t, m in x.masks.items()} for x in s] for s in (video.truth, results)
            ]
            found[str(number)] = metric.eval_sequence(
                {
                    "gt_track_ids": list(range(1, len(sides[0]) + 1)),  # an identity of 0 counts as unmatched
                    "dt_track_ids": list(range(1, len(sides[1]) + 1)),
                    "gt_tracks": sides[0],
                    "dt_tracks": sides[1],
                    "gt_track_iscrowd": [track.crowd for track in video.truth],
                    "dt_track_scores": np.array([track.score for track in results]),
                    "iou_type": "mask",
                }
            )
        return metric.combine_sequences(found)
