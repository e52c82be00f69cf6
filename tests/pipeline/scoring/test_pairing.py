"""Similarities of any form, scored as TrackEval scores them."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from trackeval.metrics import CLEAR, HOTA, Identity

from pipeline.scoring.clear import clear
from pipeline.scoring.hota import hota
from pipeline.scoring.identity import identity
from pipeline.scoring.pairing import FramePairs, pair


def _frames(seed: int, count: int = 30) -> list[FramePairs]:
    generator = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        truth = generator.permutation(6)[: generator.integers(0, 6)] + 3
        results = generator.permutation(7)[: generator.integers(0, 7)] + 10
        similarity = generator.random((len(truth), len(results))) ** 2 * (generator.random((len(truth), len(results))) < 0.6)
        similarity += 0.5 * (truth[:, None] + 7 == results[None]) * (1 - similarity)
        frames.append(FramePairs(truth, results, similarity))
    return frames


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_trackevals(seed: int) -> None:
    frames = _frames(seed)
    seen, theirs = pair(frames), _trackeval(frames)
    assert hota(seen).scores["HOTA"] == pytest.approx(100 * np.mean(theirs["HOTA"]))
    assert hota(seen).scores["AssA"] == pytest.approx(100 * np.mean(theirs["AssA"]))
    assert identity(seen).scores["IDF1"] == pytest.approx(100 * theirs["IDF1"])
    found = clear(seen)
    assert (found.mota, found.motp) == pytest.approx((100 * theirs["MOTA"], 100 * theirs["MOTP"]))
    for name, value in (
        ("IDSW", found.switches),
        ("CLR_FP", found.false),
        ("CLR_FN", found.missed),
        ("MT", found.mostly),
        ("Frag", found.fragments),
    ):
        assert value == theirs[name]


def test_nothing_at_all() -> None:
    empty = FramePairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 0)))
    assert clear(pair([empty, empty])).empty
    assert identity(pair([])).hits == 0


def test_an_identity_twice_in_a_frame_is_refused() -> None:
    frames = [FramePairs(np.array([1]), np.array([2, 2]), np.zeros((1, 2)))]
    with pytest.raises(ValueError, match=r"frame 1: an identity of the results is there twice: \[2, 2\]"):
        pair(frames)


def _trackeval(frames: list[FramePairs]) -> dict[str, float]:
    maps = [{value: place for place, value in enumerate(sorted({v for f in frames for v in f[side].tolist()}))} for side in (0, 1)]
    ids = [[np.array([maps[side][v] for v in frame[side].tolist()], int) for frame in frames] for side in (0, 1)]
    data = {
        "num_timesteps": len(frames),
        "num_gt_ids": len(maps[0]),
        "num_tracker_ids": len(maps[1]),
        "num_gt_dets": sum(map(len, ids[0])),
        "num_tracker_dets": sum(map(len, ids[1])),
        "gt_ids": ids[0],
        "tracker_ids": ids[1],
        "similarity_scores": [frame.similarity for frame in frames],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        silent = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
        return {k: v for metric in (HOTA(), CLEAR(silent), Identity(silent)) for k, v in metric.eval_sequence(data).items()}
