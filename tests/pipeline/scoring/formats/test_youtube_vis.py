"""YouTube-VIS' JSON: the golden overlap of tracks over files, masks in every form, and entries that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.run_lengths import encode_mask
from pipeline.scoring.formats.youtube_vis import score_files
from tests.pipeline.imitated import youtube_vis
from tests.pipeline.scoring.shapes import HEIGHT, RESULT, TRUTH, WIDTH

SIZE = [HEIGHT, WIDTH]


def _text(mask: np.ndarray) -> dict[str, Any]:
    return {"size": SIZE, "counts": encode_mask(mask)}


def _runs(mask: np.ndarray) -> dict[str, Any]:
    flat = np.concatenate([[0], mask.T.reshape(-1).astype(int), [2]])
    ends = np.flatnonzero(np.diff(flat)) if flat[1] == 0 else np.concatenate([[0], np.flatnonzero(np.diff(flat))])
    return {"size": SIZE, "counts": np.diff(np.concatenate([[0], ends])).astype(int).tolist()}


def _truth(masks: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "videos": [{"id": 1, "height": HEIGHT, "width": WIDTH, "length": len(masks)}],
        "annotations": [{"id": 1, "video_id": 1, "category_id": 5, "segmentations": masks, "iscrowd": 0} | more],
        "categories": [{"id": 5, "name": "person"}, {"id": 6, "name": "dog"}],
    }


def _score(root: Path, truth: Any, results: Any) -> Any:
    (root / "gt.json").write_text(json.dumps(truth))
    (root / "results.json").write_text(json.dumps(results))
    return score_files(root / "gt.json", root / "results.json")


def _result(masks: list[Any], **more: Any) -> dict[str, Any]:
    return {"video_id": 1, "category_id": 5, "score": 0.9, "segmentations": masks} | more


@pytest.mark.parametrize("form", [_text, _runs], ids=["compressed", "runs"])
def test_a_track_of_overlap_0507692_is_found_at_05_alone(tmp_path: Path, form: Any) -> None:
    """Golden masks H, shifted right by 0, 2, 4 and by 0, 1 and then absent: 264 of 520."""
    truth = _truth([form(np.roll(TRUTH, shift, 1)) for shift in (0, 2, 4)])
    found = _score(tmp_path, truth, [_result([form(RESULT), form(np.roll(RESULT, 1, 1)), None])])
    assert found.parts["person"]["AP50"] == pytest.approx(100)
    assert found.parts["person"]["AP"] == pytest.approx(10)
    assert found.combined["AP"] == pytest.approx(10), "a class without anything says nothing"
    assert found.combined["AR"] == pytest.approx(10)


def test_polygons_are_masks_too(tmp_path: Path) -> None:
    square = [[8.0, 6.0, 20.0, 6.0, 20.0, 18.0, 8.0, 18.0]]
    found = _score(tmp_path, _truth([square, None, square]), [_result([_text(TRUTH), None, _text(TRUTH)])])
    assert found.combined["AP75"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"video_id": 7}, r"\[0\]: no 7 here or in the ground truth"),
        ({"category_id": 8}, r"\[0\]: category_id 8 is not among the categories"),
        ({"score": None}, r"\[0\]: score must be a number"),
        ({"segmentations": [{"size": [1, 2], "counts": "x"}]}, r"\[0\]: a mask of size \[1, 2\] in a video of \[24, 32\]"),
        ({"segmentations": [{"size": SIZE, "counts": [3, 4]}]}, r"\[0\]: the mask's runs do not fill 32x24 pixels"),
        ({"segmentations": [{"size": SIZE, "counts": "5"}]}, r"\[0\]: the mask's runs do not fill 32x24 pixels"),
        ({"segmentations": [[[1.0, 2.0]]]}, r"\[0\]: a mask must be run lengths or polygons"),
        ({"segmentations": [[[1.0, 2.0, 3.0, 4.0, 5.0, 1e300]]]}, r"\[0\]: a mask must be run lengths or polygons"),
        ({"segmentations": [None, None]}, r"\[0\]: segmentations must be a list of 1 entries, one for each image"),
        ({"segmentations": None}, r"\[0\]: segmentations must be a list of 1 entries, one for each image"),
    ],
)
def test_entries_that_cannot_be_used_are_named(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _score(tmp_path, _truth([_text(TRUTH)]), [_result([_text(TRUTH)], **more)])


def test_files_of_another_layout_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a list of results"):
        _score(tmp_path, _truth([]), {})
    with pytest.raises(UserError, match="expected lists videos, annotations, categories"):
        _score(tmp_path, [], [])
    broken = _truth([])
    del broken["videos"][0]["height"]
    with pytest.raises(UserError, match="a video has no id, height and width"):
        _score(tmp_path, broken, [])


def test_the_public_annotation_is_ground_truth_as_it_is(tmp_path: Path) -> None:
    truth = youtube_vis(tmp_path) / "train.json"
    content = json.loads(truth.read_text())
    results = [item | {"score": 0.5} for item in content["annotations"]]
    found = _score(tmp_path, content, results)
    assert found.combined["AP"] == pytest.approx(100)
    assert {name: row["AP"] for name, row in found.parts.items()} == pytest.approx({"person": 100, "giant_panda": 100})
    content["annotations"] = None
    with pytest.raises(UserError, match="expected lists videos, annotations, categories"):
        _score(tmp_path, content, results)
