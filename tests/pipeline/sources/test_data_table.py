from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.imitated import MADE
from tests.pipeline.sources.data_table import REAL, made_row, real_row, rows
from tests.shared import dataset

# sequences, frames, identities, boxes, masks, joints, not scored, defects: by hand, from what tests/pipeline/imitated.py writes
EXPECTED = {
    "MOT15": (1, 3, 3, 7, 0, 0, 1, 0),  # 2 people in 3 frames, one more row whose flag is 0
    "MOT16, MOT17": (1, 3, 5, 9, 0, 0, 2, 0),  # a distractor, a static person; the car is background
    "MOT20": (1, 3, 4, 8, 0, 0, 1, 0),  # a crowd
    "MOTS": (1, 3, 2, 9, 9, 0, 3, 0),  # a region to ignore in each frame
    "DanceTrack": (2, 6, 6, 18, 0, 0, 0, 0),  # train alone
    "SportsMOT": (2, 6, 4, 12, 0, 0, 0, 0),
    "BFT": (1, 4, 3, 12, 0, 0, 0, 0),
    "CVAT, MOT export": (2, 6, 4, 12, 0, 0, 3, 0),  # without labels.txt class 2 is a person on a vehicle
    "CrowdHuman": (2, 3, 0, 3, 0, 0, 0, 0),
    "BDD100K tracking, one file per video": (2, 5, 5, 10, 0, 0, 1, 0),  # 2 people in 2 of 3 frames, 3 in 2, once as a crowd
    "BDD100K tracking, one file": (2, 5, 5, 10, 0, 0, 1, 0),
    "COCO, stills": (1, 3, 0, 4, 0, 0, 1, 0),
    "COCO with videos": (2, 5, 4, 10, 0, 0, 0, 0),
    "OTB": (2, 6, 3, 8, 0, 0, 0, 0),  # one object out of sight in its last frame, two in all three
    "DAVIS": (2, 6, 4, 18, 18, 0, 6, 0),  # 2 objects and a strip that is not scored in each frame
    "PoseTrack 2018": (2, 6, 4, 14, 0, 12, 2, 0),  # 2 people in 3 of 4 frames, a region to ignore in the first
    "JHMDB": (2, 6, 2, 6, 3, 6, 0, 0),  # one person a clip, masks of one clip
    "YouTube-VIS": (2, 6, 4, 10, 10, 0, 0, 0),  # a person in 3 frames and a panda in 2
    "videos and images": (3, 9, 0, 0, 0, 0, 0, 0),
    "PETS09-S2L1": (1, 795, 19, 4650, 0, 0, 174, 0),
    "MOT17, 39 images of it": (7, 39, 251, 1540, 0, 0, 136, 0),
    "MOT17, training sequences": (7, 5316, 796, 204701, 0, 0, 19750, 0),  # rows, ids and classes counted with awk
}


def counts(row: str) -> tuple[int, ...]:
    return tuple(int(cell) for cell in row.strip("| ").split(" | ")[3:])


@pytest.mark.parametrize("name", MADE)
def test_what_is_read_from_each_imitated_set(name: str, tmp_path: Path) -> None:
    row = made_row(name, tmp_path / "set")
    assert counts(row) == EXPECTED[name]
    assert rows()[name] == row, "run: python -m tests.pipeline.sources.data_table --write"


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_what_is_read_from_each_real_set(name: str, tmp_path: Path) -> None:
    data = dataset("PETS09-S2L1").parent
    row = real_row(name, data, tmp_path / "set")
    assert counts(row) == EXPECTED[name]
    assert rows()[name] == row, "run: python -m tests.pipeline.sources.data_table --write"


def test_the_page_has_no_other_rows() -> None:
    assert list(rows()) == [*MADE, *REAL]
