"""Whether a video looks like what a model learnt from."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import islice

import numpy as np
import pytest

from pipeline.files.appearance import Appearance, LearntFrom, appearance
from pipeline.files.video import read_video
from tests.shared import dataset

# of the six sequences of presets/walkers.yaml: ranges, and the medians of the third and the first
WALKERS = LearntFrom({"walkers": 1200}, 6, (0.0481, 0.1807), (0.0122, 0.0382), (0.1, 0.4))


@pytest.mark.parametrize(
    ("contrast", "detail", "word"),
    [
        (0.065, 0.015, None),  # walkers-03
        (0.099, 0.035, None),  # walkers-01, the most detailed
        (0.170, 0.024, None),  # walkers-02, the one of most contrast
        (0.202, 0.057, "detail"),  # PETS09-S2L1
        (0.232, 0.051, "contrast"),  # MOT17-10
        (0.012, 0.015, "contrast"),  # fog
        (0.065, 0.004, "detail"),  # out of focus
    ],
)
def test_a_video_is_unlike_where_its_middle_picture_lies_outside(contrast: float, detail: float, word: str | None) -> None:
    found = WALKERS.unlike([Appearance(contrast, detail), Appearance(0, 0), Appearance(contrast, detail)])
    assert found is None if word is None else found is not None and word in found


def test_contrast_and_detail_are_of_the_networks_size() -> None:
    stripes = np.zeros((40, 80, 3), np.uint8)
    stripes[:, ::2] = 255
    assert appearance(stripes, 80, 40) == pytest.approx((0.5, 1.0))  # half of all pixels white, each beside a black one
    assert appearance(stripes, 40, 20) == pytest.approx((0.0, 0.0), abs=1e-6)  # a stripe is half a pixel, and nothing is left of it
    assert appearance(np.full((40, 80, 3), 90, np.uint8), 40, 20) == (0.0, 0.0)


def test_what_was_seen_survives_its_card() -> None:
    assert LearntFrom.of_card(json.loads(json.dumps(asdict(WALKERS)))) == WALKERS


def test_a_real_street_is_unlike_drawn_people() -> None:
    video = dataset("PETS09-S2L1") / "vtest.avi"
    pictures = [appearance(frame.image, 448, 256) for frame in islice(read_video(video, defects=[]), 3)]
    assert "detail" in (WALKERS.unlike(pictures) or "")
