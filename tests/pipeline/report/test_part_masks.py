"""Pictures of where parts look: who is shown, and what."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.contract.detections import Detections
from pipeline.contract.spec import Detection
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.report.clips import TrackedSequence
from pipeline.report.part_masks import GAP, TILE, choose_people, part_masks
from tests.pipeline import seen
from tests.pipeline.report.test_parts import tracked

# Identity, upper left corner, height (the width is half of it) and visibility in frames 1 and 2 of a picture of 200 x 100 pixels.
PEOPLE = {
    1: ((10, 10, 40, 1.0), (20, 10, 50, 0.95)),  # larger in frame 2
    2: ((60, 10, 40, 0.4), (60, 10, 40, 1.0)),  # hidden in frame 1, in sight in frame 2
    3: ((100, 10, 40, 0.1), (100, 10, 40, 0.1)),  # hardly to be seen
    4: ((140, 10, 20, 1.0), (140, 10, 20, 1.0)),  # small
    5: ((-5, 10, 60, 1.0), (-5, 10, 60, 1.0)),  # leaves the picture
    6: ((150, 40, 50, 0.49), (150, 40, 50, 0.2)),  # hidden twice
}


@pytest.fixture
def sequence(tmp_path: Path) -> TrackedSequence:
    path = tmp_path / "a.parquet"
    image = encode_jpeg(seen.picture(200, 100, (60, 10, 80, 50)), 95)
    with FrameWriter(path, {"ground_truth": True, "frame_rate": 2.0}) as writer:
        for frame in (0, 1):
            rows = np.array([shown[frame] for shown in PEOPLE.values()], np.float32)
            left, top, height, visibility = rows.T
            boxes = np.stack([left, top, left + height / 2, top + height], 1)
            count = len(PEOPLE)
            scored = np.ones(count, np.float32)
            people = Objects(boxes, np.array(list(PEOPLE)), np.ones(count, np.int32), visibility, scored, np.zeros(count, np.bool_))
            writer.write(Frame("d", "a", frame + 1, frame / 2, 200, 100, image, people))
    return replace(tracked([], [], [1, 2]), frames=path)


@pytest.mark.parametrize(
    ("visibility", "count", "expected"),
    [
        ((0.9, 1.01), 6, [(2, 50), (2, 40)]),  # 1 at its larger box, 2 in frame 2
        ((0.15, 0.5), 6, [(1, 40), (1, 50)]),  # 2, and of 6 the first of two equal boxes
        ((0.9, 1.01), 1, [(2, 50)]),
        ((0.6, 0.7), 6, []),
    ],
)
def test_everybody_is_shown_once_at_the_largest_box(
    sequence: TrackedSequence, visibility: tuple[float, float], count: int, expected: list[tuple[int, float]]
) -> None:
    found = choose_people([sequence], visibility, count)
    assert [(who.frame, float(who.box[3] - who.box[1])) for who in found] == expected


def test_frames_that_were_not_tracked_show_nobody(sequence: TrackedSequence) -> None:
    found = choose_people([replace(sequence, numbers=np.array([1]))], (0.9, 1.01), 6)
    assert [who.frame for who in found] == [1]


def test_each_row_holds_the_picture_and_every_mask(sequence: TrackedSequence) -> None:
    """Two masks, of the left and of the right half."""

    def look(*arguments: Any) -> list[Detections]:
        halves = np.array([[[[1, 0]], [[0, 1]]]], np.float32)
        return [replace(each, part_masks=halves.repeat(len(each.boxes), 0)) for each in seen.describe(*arguments)]

    shown = seen.detector(200, 100)
    assert part_masks([sequence], shown) == "", "a system without masks"
    masked = replace(shown, spec=replace(shown.spec, detection=Detection(seen.decode, look, part_masks=lambda options: True)))
    text = part_masks([sequence], masked)
    assert re.findall(r"<figcaption>(.*?)</figcaption>", text) == [
        "in sight, from the top: a frame 2, 95% seen; a frame 2, 100% seen",
        "half hidden, from the top: a frame 1, 40% seen; a frame 1, 49% seen",
    ]
    first = re.findall(r"base64,([^\"]+)", text)[0]
    image = cv2.imdecode(np.frombuffer(base64.b64decode(first), np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert image.shape == (2 * TILE[1] + GAP, 4 * TILE[0] + 3 * GAP, 3)
    tiles = [image[:, column * (TILE[0] + GAP) :][:, : TILE[0]] for column in range(4)]
    halves = [[tile[20:100, place].mean() for place in (slice(2, 12), slice(-12, -2))] for tile in tiles]
    assert halves[1][0] == pytest.approx(halves[1][1], abs=20), "the largest mask is bright on both sides"
    assert halves[2][0] > halves[2][1] + 50
    assert halves[3][1] > halves[3][0] + 50
