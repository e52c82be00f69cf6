"""Masks, poses and instances joined: people who change places in each frame, so that overlap says nothing and colour everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.represent import joined_instances, joined_masks, joined_poses
from experiments.represent.joined_instances import LEAST, imitated
from experiments.represent.shown import judge
from experiments.represent.ways import CENTRES, WAYS
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from tests.experiments.represent.stripes import FRAMES, write


@pytest.fixture(scope="module")
def network() -> Representation:
    torch.manual_seed(0)
    return build(RepresentationOptions(network="resnet18", layer="layer2"))


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector of instances that errs in nothing."""
    for name in ("MISSED", "MISTAKEN", "SHIFT"):
        monkeypatch.setattr(joined_instances, name, 0.0)


def test_colours_tell_people_apart_where_motion_cannot(tmp_path: Path, network: Representation, perfect: None) -> None:
    shown = write(tmp_path / "s.parquet", [[16 + 60 * ((person + frame) % 4) for person in range(4)] for frame in range(FRAMES)])
    masks, poses, instances = judge([joined_masks, joined_poses, joined_instances], shown, network, 0)
    assert list(masks) == [*WAYS, *CENTRES]
    assert list(poses) == list(instances) == list(WAYS)
    assert masks["CF"]["IDF1"] == 100
    assert masks["RSM"] == {"IDF1": 100, "HOTA": pytest.approx(100), "sMOTSA": 100, "MOTSA": 100, "IDSW": 0}
    assert masks["motion alone"]["IDF1"] < 60
    assert poses["RSM"] == {"MOTA": 100, "IDF1": 100, "IDSW": 0}
    assert poses["motion alone"]["IDF1"] < 60
    assert instances["RSM"]["AP50"] > 99
    assert instances["motion alone"]["AP50"] < instances["RSM"]["AP50"] - 30
    assert instances["RSM"]["classes"] == 2


def test_frames_without_anybody_are_no_error(tmp_path: Path, network: Representation) -> None:
    shown = write(tmp_path / "s.parquet", [[], [40], [], [40]])
    masks, poses, instances = judge([joined_masks, joined_poses, joined_instances], shown, network, 0)
    assert masks["RSM"]["IDF1"] == 100
    assert poses["RSM"]["MOTA"] == 100
    assert np.isfinite(instances["RSM"]["AP"])


def test_the_imitated_detector_errs_as_often_as_it_says_and_the_same_way_again() -> None:
    masks = np.zeros((2, 64, 64), np.bool_)
    masks[0, 8:40, 8:24], masks[1, 8:40, 40:56] = True, True
    found = [imitated(np.random.default_rng((0, frame)), masks, [1, 2]) for frame in range(300)]
    kinds = np.concatenate([kinds for _, kinds, _ in found])
    assert 0.92 < len(kinds) / 600 < 0.98
    areas = np.concatenate([shapes.sum((1, 2)) for shapes, _, _ in found])
    assert areas.min() > LEAST
    assert 0.8 < float((areas / masks[0].sum()).mean()) < 1.2
    assert all(scores.min(initial=1) >= 0.5 for _, _, scores in found)
    again = imitated(np.random.default_rng((0, 7)), masks, [1, 2])
    assert np.array_equal(again[0], found[7][0])
    assert np.array_equal(again[2], found[7][2])


def test_the_imitated_detector_is_less_sure_of_a_wrong_class() -> None:
    """Or a single instance of a wrong class, a track of its own, would often be the surest track of the video."""
    masks = np.zeros((2, 64, 64), np.bool_)
    masks[:, 8:40, 8:24] = True
    found = [imitated(np.random.default_rng((0, frame)), masks, [1, 2]) for frame in range(200)]
    rows = [
        (kind == true, sure)
        for _, kinds, scores in found
        if len(kinds) == 2
        for true, kind, sure in zip((1, 2), kinds, scores, strict=True)
    ]
    right, wrong = ([sure for correct, sure in rows if correct == wanted] for wanted in (True, False))
    assert len(wrong) > 5
    assert np.mean(right) == pytest.approx(0.845, abs=0.02)
    assert max(wrong) < 0.8
