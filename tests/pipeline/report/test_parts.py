"""The parts of the page, one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.artifacts.publication import Publication
from pipeline.files.mot_text import rows
from pipeline.report import clips, heat, page, plots, sections, tables
from pipeline.tracking.detector import letterbox
from pipeline.tracking.drawing import Boxes, Painter
from tests.pipeline import seen


def tracked(frames: list[int], boxes: list[tuple[float, float, float, float]], numbers: list[int]) -> clips.TrackedSequence:
    found = rows(np.array(frames, np.int32), np.arange(len(frames)), np.array(boxes, np.float32), np.ones(len(frames), np.float32))
    return clips.TrackedSequence("a", Path("a.parquet"), found, np.array(numbers), frozenset(), 2.0)


def test_everything_written_is_escaped() -> None:
    text = page.page("<b>", page.paragraph("a < b"), [page.Section("x", "R&D", tables.facts({"<i>": "<u>"}))])
    assert "<b>" not in text
    assert "<i>" not in text
    assert "a &lt; b" in text
    assert "R&amp;D" in text


def test_sections_without_content_are_left_out() -> None:
    assert "Empty" not in page.page("t", "", [page.Section("e", "Empty", "")])


def test_what_was_not_measured_is_not_shown() -> None:
    scores = {"HOTA": 61.5, "MOTA": 77.0, "IDF1": 79.0, "IDSW": 3}
    metrics = {"combined": scores, "detection": {"AP50": 83.0}}
    assert "ReID" not in sections.summary(metrics, "")
    assert "re-identification" not in sections.network(metrics)
    measured = metrics | {"reid": {"R1": 91.0}}
    assert "ReID R1" in sections.summary(measured, "")
    assert "re-identification" in sections.network(measured)


@pytest.mark.parametrize(("value", "shown"), [(1.0, "1.00"), (12345, "12\u2009345"), (None, "–"), ("a<b", "a&lt;b"), (7, "7")])
def test_numbers_are_readable(value: object, shown: str) -> None:
    assert tables.number(value) == shown


def test_score_table_has_known_columns_only() -> None:
    table = tables.scores({"s": {"HOTA": 50.0, "other": 3.0}}, {"HOTA": 51.0})
    assert "HOTA" in table
    assert "MOTA" not in table
    assert "other" not in table
    assert table.index("50.00") < table.index("51.00")


def test_several_classes_have_tables_of_their_own() -> None:
    part = {"AP50": 71.0, "AP": 40.0}
    one = {"combined": {"HOTA": 51.0}, "sequences": {}, "detection": part}
    several = one | {
        "classes": {"pedestrian": {"HOTA": 61.25}, "cyclist": {"HOTA": 41.0}},
        "mean": {"HOTA": 51.125},
        "detection": part | {"classes": {"pedestrian": {"AP50": 81.5}, "cyclist": {"AP50": 60.5}}},
    }
    assert "By class" not in sections.scores(one)
    page = sections.scores(several)
    for cell in (
        "<th>class</th>",
        "<td>cyclist</td><td>41.00</td>",
        "<td>mean over classes</td><td>51.12</td>",
        "<td>cyclist</td><td>60.50</td>",
    ):
        assert cell in page
    assert sections.network(several) == sections.network(one), "the table of figures is of all classes together"


def test_curves_are_equal_for_equal_histories_and_fit_in_one_page(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,step,lr,loss,a,b\n1,10,0.1,3,1,2\n2,20,0.1,2,1,1\n")
    history = plots.read_history(path)
    first, again, other = (plots.training_curves(history, name) for name in ("pretrain", "pretrain", "finetune"))
    assert first == again
    assert first.count("<svg") == 1
    assert "<metadata" not in first
    ids = [set(part.split('id="')[1:]) for part in (first, other)]
    assert not {item.split('"')[0] for item in ids[0]} & {item.split('"')[0] for item in ids[1]}


def test_counts_are_drawn_as_the_share_that_is_right() -> None:
    history = {"epoch": [1.0, 2.0], "loss": [3.0, 2.0], "a": [1.0, 1.5], "known_right": [1.0, 3.0], "known_asked": [4.0, 4.0]}
    drawn = plots.training_curves(history, "finetune")
    assert ">known right<" in drawn
    assert "known_asked" not in drawn
    assert plots._shares(history | {"known_asked": [0.0, 4.0]})["known right"][1] == 0.75


def test_no_epoch_has_no_curve(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,step,lr,loss\n")
    assert plots.training_curves(plots.read_history(path), "pretrain") == ""


def test_what_was_drawn_is_told_where_data_sets_are_weighed(tmp_path: Path) -> None:
    for name, facts in {"pretrain": {}, "finetune": {"mix": {"a": 0.25, "b": 0.75}}}.items():
        publication = Publication(tmp_path / name, name, "f" * 64)
        with publication.write("history.csv") as path:
            path.write_text("epoch,step,lr,loss\n")
        publication.publish(**facts)
    told = sections.training({name: tmp_path / name for name in ("pretrain", "finetune")})
    assert "Samples of finetune: 25.0% from a, 75.0% from b." in told
    assert "pretrain" not in told


def test_clips_reach_from_best_to_worst() -> None:
    quality = {"a": 10.0, "b": 90.0, "c": 50.0, "d": 20.0, "e": 70.0}
    assert clips.choose(list(quality), quality, 3) == ["b", "c", "a"]
    assert clips.choose(list(quality), quality, 1) == ["b"]
    assert clips.choose(list(quality), quality, 0) == []
    assert clips.choose(["x", "a"], quality, 5) == ["a", "x"]


def test_the_busiest_stretch_and_the_most_crowded_frame() -> None:
    near, far = (0, 0, 10, 10), (50, 50, 60, 60)
    sequence = tracked([11, 13, 13, 14, 14, 14], [near, near, (1, 0, 11, 10), near, far, (90, 90, 99, 99)], [10, 11, 12, 13, 14, 15])
    assert clips.busiest_stretch(sequence, 1.0).tolist() == [13, 14]
    assert clips.busiest_stretch(sequence, 99.0).tolist() == [10, 11, 12, 13, 14, 15]
    assert clips.most_crowded(sequence) == 13


def test_a_sequence_without_tracks_still_has_a_stretch() -> None:
    sequence = tracked([], [(0, 0, 1, 1)][:0], [4, 5, 6])
    assert clips.busiest_stretch(sequence, 1.0).tolist() == [4, 5]
    assert clips.most_crowded(sequence) == 4


@pytest.mark.parametrize(("width", "height"), [(320, 90), (100, 200)])
def test_heat_lies_where_the_object_is(width: int, height: int) -> None:
    box = (width // 2, height // 2, width // 2 + 20, height // 2 + 30)
    image = seen.picture(width, height, box)
    (overlay,) = heat.heat_overlays(image, seen.detector(128, 96))
    assert (overlay.name, round(overlay.peak)) == ("red", 1)
    changed = np.argwhere(np.ptp(overlay.image.astype(int), axis=-1) > 0)
    scale = letterbox(image, 128, 96)[1].scale
    np.testing.assert_allclose(changed.min(0), [box[1], box[0]], atol=3 / min(scale, 1))
    np.testing.assert_allclose(changed.max(0), [box[3], box[2]], atol=3 / min(scale, 1))


def test_painter_is_not_troubled_by_a_frame_without_tracks() -> None:
    image = seen.picture(64, 48)
    none = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    np.testing.assert_array_equal(Painter(4).paint(image, none), image)
