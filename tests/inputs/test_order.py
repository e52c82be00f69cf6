"""The order of images: that of their names as people read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources.media import in_order, order_notes
from tests.inputs.planned import planned, shown
from tests.pipeline.imitated import put
from tests.pipeline.recorded import write_image

ORDERS = [
    # names in the right order; their frame numbers; what is remarked
    pytest.param([f"frame{n}" for n in range(12)], range(1, 13), "natural order", id="frame0 to frame11 (trackers#558)"),
    pytest.param(
        ["12-30-50", "12-30-55", "12-31-03", "12-31-07"], range(1, 5), "numbers that end the images' names are in another order", id="times"
    ),
    pytest.param([f"clip ({n})" for n in (1, 2, 3, 10, 11)], range(1, 6), "natural order", id="Windows' copies"),
    pytest.param(["shot", "shot (2)", "shot (10)"], range(1, 4), "natural order", id="the first without a number"),
    pytest.param(["f_01_jpg.rf.9c3", "f_02_jpg.rf.0a1", "f_03_jpg.rf.5b2"], range(1, 4), "in another order", id="Roboflow's hashes"),
    pytest.param(["2024-1-9 8.05", "2024-1-9 10.01", "2024-1-10 7.00"], range(1, 4), "in another order", id="dates"),
    pytest.param(["0.25", "0.5", "1.125"], range(1, 4), "in another order", id="seconds as fractions"),
    pytest.param(["IMG_8", "img_9", "IMG_10"], [8, 9, 10], "natural order", id="capitals"),
    pytest.param(["000001", "000002", "000004"], [1, 2, 4], None, id="plain numbers"),
    pytest.param(["cam2-0001", "cam10-0002"], [1, 2], "natural order", id="two numbers"),
    pytest.param(["a", "b", "c"], range(1, 4), None, id="letters"),
]


@pytest.mark.parametrize(("names", "numbers", "remark"), ORDERS)
def test_images_come_in_the_natural_order_of_their_names(tmp_path: Path, names: list[str], numbers: list[int], remark: str | None) -> None:
    for index, name in enumerate(names):
        write_image(tmp_path / f"cam/{name}.png", index)
    (found,) = planned(tmp_path).sequences
    assert shown(found) == dict(zip(numbers, range(len(names)), strict=True))
    said = [line for line in found.notes if "order" in line]
    assert (said == []) if remark is None else (len(said) == 1 and remark in said[0])


def test_frame_numbers_of_an_annotation_stand_and_another_order_is_said(tmp_path: Path) -> None:
    for name, index in (("b_000001", 1), ("a_000002", 2)):
        write_image(tmp_path / f"S/img1/{name}.png", index)
    put(tmp_path / "S/gt/gt.txt", "1,1,1,1,9,9,1,1,1\n")
    (found,) = planned(tmp_path, "mot_challenge").sequences
    assert shown(found) == {1: 1, 2: 2}
    assert found.notes[-1] == (
        "S: the images' names are in another order than the numbers that end them; the order is b_000001.png, a_000002.png"
    )


@pytest.mark.parametrize("names", [["1", "01"], ["a1b2", "a1B2"], ["x", ""]])
def test_the_order_is_the_same_however_files_are_listed(names: list[str]) -> None:
    files = [Path(f"{name}.png") for name in names]
    assert in_order(files) == in_order(files[::-1])
    assert order_notes("s", dict(enumerate(in_order(files), 1))) in ([], order_notes("s", dict(enumerate(in_order(files[::-1]), 1))))
