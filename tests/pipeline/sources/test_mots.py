from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask

from pipeline.errors import UserError
from pipeline.sources.mots import is_mots, mask_box, read_mots
from tests.pipeline.imitated import encode, run_lengths


def test_a_filled_box_gives_itself() -> None:
    assert mask_box(run_lengths(10, 20, 12, 30), 120, 160) == [10, 20, 22, 50]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([0, 12], [0, 0, 4, 3]),  # the whole of a 4x3 image
        ([4, 1, 7], [1, 1, 2, 2]),  # one pixel: column 1, row 1
        ([2, 2, 8], [0, 0, 2, 3]),  # the last of column 0 and the first of column 1
        ([2, 0, 3, 1, 6], [1, 2, 2, 3]),  # an empty run
        ([0, 1, 10, 1], [0, 0, 4, 3]),  # opposite corners
    ],
)
def test_boxes_of_small_masks(runs: list[int], expected: list[int]) -> None:
    assert mask_box(encode(runs), 3, 4) == expected


def test_any_mask_has_the_box_of_its_pixels_and_of_cocos_own_code() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        height, width = rng.integers(1, 40, 2)
        pixels = np.asfortranarray(rng.random((height, width)) < rng.random(), np.uint8)
        if not pixels.any():
            continue
        packed = mask.encode(pixels)
        left, top, right, bottom = mask_box(packed["counts"].decode(), int(height), int(width))
        rows, columns = np.nonzero(pixels)
        assert [left, top, right - 1, bottom - 1] == [columns.min(), rows.min(), columns.max(), rows.max()]
        assert [left, top, right - left, bottom - top] == mask.toBbox(packed).tolist()


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        (encode([12]), "the mask is empty"),
        (encode([0, 11]), "do not fill 4x3"),
        (encode([0, 13]), "do not fill"),
        ("", "do not fill"),
        (encode([0, 12])[:-1] + "\x7f", "not in COCO's run lengths"),
        ("o", "cut off"),
        ("oooooooooooooooooooo0", "not in COCO's run lengths"),
    ],
)
def test_broken_masks(counts: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        mask_box(counts, 3, 4)


def test_classes_become_motchallenges_and_regions_have_no_identity(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    lines = [
        f"{frame} {key} {kind} 3 4 {encode([0, 12])}" for frame, key, kind in ((1, 2001, 2), (1, 1001, 1), (1, 10000, 10), (1, 10000, 10))
    ]
    path.write_text("\n".join(lines))
    found = read_mots(path, None)
    assert is_mots(path)
    assert found.class_id.tolist() == [1, 3, 13, 13]
    assert found.identity.tolist() == [2001, 1001, -1, -1]
    assert found.confidence.tolist() == [1, 1, 0, 0]
    assert found.line.tolist() == [1, 2, 3, 4]
    assert found.mask is not None
    assert found.mask.tolist() == [encode([0, 12])] * 4
    assert found.drawn == (4, 3)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1 2001 2 3 4", "5 columns"),
        ("0 2001 2 3 4 0<", "frame"),
        ("1 -1 2 3 4 0<", "'-1' is not a whole number"),
        ("1 2001 3 3 4 0<", "class"),
        ("1 2001 2 0 4 0<", "height and width"),
        (f"1 2000 2 3 4 {encode([0, 12])}", "id 2000 is in frame 1 twice"),
        (f"1 2001 2 4 4 {encode([0, 16])}", "drawn on 4x4 pixels, those before on 4x3"),
    ],
)
def test_broken_lines_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(f"1 2000 2 3 4 {encode([0, 12])}\n\n{line}\n")
    with pytest.raises(UserError, match=f"gt.txt:3: .*{complaint}"):
        read_mots(path, None)
    defects: list[str] = []
    assert len(read_mots(path, defects).frame) == 1
    assert len(defects) == 1
