from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.teachers.ground_plane import Plane, draw
from pipeline.files.frames import Frame
from pipeline.labelling.accuracy import Accuracy, ground_mask, truth_pictures
from pipeline.labelling.backend import FrameDepth
from pipeline.labelling.folders import Folder
from tests.pipeline.labelling import scenes
from tests.pipeline.labelling.scenes import HEIGHT, HORIZON, SLOPE, WIDTH


def frame(seed: int = 0) -> Frame:
    return Frame("d", "s", 1, 0, WIDTH, HEIGHT, objects=scenes.people(np.random.default_rng(seed), 4))


def test_a_label_that_is_off_by_a_factor_is_right_once_aligned() -> None:
    row = frame()
    label = draw(row, Plane(HORIZON, SLOPE), 80)
    accuracy = Accuracy()
    accuracy.add(row, FrameDepth(label.depth * 0.5, label.objects * 0.5, label.scale), draw(row, Plane(HORIZON, SLOPE), WIDTH).depth)
    errors = accuracy.errors()
    assert errors["factor"] == pytest.approx(2, rel=0.02)
    assert errors["ground_abs_rel"] == pytest.approx(0.5, abs=0.02)
    assert errors["ground_abs_rel_aligned"] < 0.02
    assert errors["people_delta1_aligned"] == 1.0


def test_nothing_compared_gives_no_errors() -> None:
    assert Accuracy().errors() == {}
    empty = Frame("d", "s", 1, 0, WIDTH, HEIGHT)
    accuracy = Accuracy()
    accuracy.add(empty, draw(empty, None, 80), np.ones((HEIGHT, WIDTH), np.float32))
    assert accuracy.errors() == {}


def test_ground_is_below_the_highest_foot_and_outside_boxes() -> None:
    row = replace(frame(), objects=scenes.objects(np.array([[100, 40, 140, 90], [200, 60, 260, 150]])))
    mask = ground_mask(row, WIDTH, HEIGHT)
    assert not mask[:90].any()
    assert not mask[100:150, 200:260].any()
    assert mask[100, 120]
    assert mask[170, 230]


def test_truth_lies_in_the_sequence_or_in_a_data_set_of_one(tmp_path: Path) -> None:
    facts = {"kind": "video", "sequence": "s"}
    folder = Folder(tmp_path, 64)
    assert truth_pictures(folder, facts, [1]) == {}
    for place in (tmp_path / "depth", tmp_path / "s/depth"):
        place.mkdir(parents=True)
        cv2.imwrite(str(place / "000001.png"), np.ones((2, 2), np.uint16))
        assert truth_pictures(folder, facts, [1]).get(1) != place / "000001.png"  # without its scale it is not ours
        (place / "scale.txt").write_text("0.001")
        assert truth_pictures(folder, facts, [1, 2]) == {1: place / "000001.png"}
