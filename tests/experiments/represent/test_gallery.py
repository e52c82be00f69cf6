"""What finished parts show: the shapes of each task, pictures, clips and the page, none of which makes a part be judged anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.represent import gallery, painting
from experiments.represent.followed_boxes import FAR
from experiments.represent.parts import Part
from experiments.represent.representations import Entry
from experiments.represent.run import FOLDER, SHARED
from experiments.represent.shapes import Drawn, Shape, shapes
from experiments.represent.shown import Shown, look
from experiments.represent.tasks import TASKS
from models.unitrack.network import build
from models.unitrack.options import RepresentationOptions
from pipeline.artifacts import code
from pipeline.artifacts.manifest import checked_text
from pipeline.artifacts.store import write_text
from pipeline.files.frames import Frame, read_frames
from pipeline.files.run_lengths import decode_mask
from pipeline.files.video import read_video
from pipeline.tracking.drawing import TRUTH, colour_of
from tests.experiments.represent.stripes import HEIGHT, TALL, WIDE, WIDTH, write

LEFTS = [[40, 120, 200], [44, 124, 200], [48, 128, 200]]
WATCHED = ("vos", "mot", "mots", "pose", "propagation", "vis")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Part]:
    """Finished parts of people who hardly move; of boxes, which are followed on crops, a part made up."""
    root = tmp_path_factory.mktemp("parts")
    (shown,) = write(root / "s.parquet", LEFTS)
    torch.manual_seed(0)
    network = build(RepresentationOptions(network="resnet18", layer="layer2"))
    found = look({task: TASKS[task].module for task in WATCHED}, shown, lambda: network, 0)
    boxes = np.array([[FAR + left, FAR + 24, WIDE, TALL] for left in (40.0, 44.0)])
    found["sot"] = {"DCF": [(boxes, boxes + np.array([2, 0, 0, 0]))]}
    made = {task: Part(root / f"{task}.part", "key", task, shown) for task in TASKS}
    for task, part in made.items():
        part.write(found[task])
    return made


def _drawn(part: Part, index: int) -> tuple[Drawn, Frame]:
    frame = list(read_frames(part.shown.frames))[index]
    return shapes(part.task, part.result(), frame, index), frame


def _mask(left: int) -> Any:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[24 : 24 + TALL, left : left + WIDE] = True
    return mask


def test_followed_boxes_are_where_they_were_found(parts: dict[str, Part]) -> None:
    drawn, _ = _drawn(parts["sot"], 1)
    assert [(shape.identity, shape.box.tolist()) for shape in drawn.found] == [(1, [46, 24, 46 + WIDE, 24 + TALL])]
    assert [shape.box.tolist() for shape in drawn.truth] == [[44, 24, 44 + WIDE, 24 + TALL]]
    assert _drawn(parts["sot"], 2)[0] == Drawn([], []), "nobody is followed so far"


def test_boxes_have_one_identity_each(parts: dict[str, Part]) -> None:
    for index, lefts in enumerate(LEFTS):
        drawn, _ = _drawn(parts["mot"], index)
        assert sorted(shape.box.tolist() for shape in drawn.found) == [[left, 24, left + WIDE, 24 + TALL] for left in lefts]
        assert len({shape.identity for shape in drawn.found}) == 3
        assert drawn.truth == []


@pytest.mark.parametrize("task", ["vos", "mots"])
def test_masks_are_those_of_the_first_frame_or_of_the_detector(parts: dict[str, Part], task: str) -> None:
    for index, lefts in enumerate(LEFTS if task == "mots" else LEFTS[:1]):
        drawn, _ = _drawn(parts[task], index)
        assert {shape.mask.tobytes() for shape in drawn.found} == {_mask(left).tobytes() for left in lefts}
        assert [np.array_equal(shape.mask, _mask(left)) for shape, left in zip(drawn.truth, lefts, strict=True)] == [True] * 3
    last, frame = _drawn(parts[task], 2)
    truth = [decode_mask(text, frame.height, frame.width) for text in frame.objects.masks]
    overlaps = [max((shape.mask & mask).sum() / (shape.mask | mask).sum() for shape in last.found) for mask in truth]
    assert min(overlaps) > 0.6


@pytest.mark.parametrize(("task", "joints"), [("pose", 15), ("propagation", 17)])
def test_joints_are_of_the_task(parts: dict[str, Part], task: str, joints: int) -> None:
    drawn, _ = _drawn(parts[task], 0)
    assert [shape.joints.shape for shape in drawn.found] == [(joints, 2)] * 3
    for found, true in zip(drawn.found, drawn.truth, strict=True):
        assert np.array_equal(found.joints, true.joints, equal_nan=True)
    assert np.isfinite(_drawn(parts[task], 2)[0].found[0].joints).any()


def test_instances_have_their_classes(parts: dict[str, Part]) -> None:
    drawn, _ = _drawn(parts["vis"], 1)
    assert {shape.name for shape in drawn.found} == {"person", "tree"}
    assert len(drawn.truth) == 3


def test_masks_have_the_colour_of_their_identity_and_the_truth_is_white() -> None:
    image, mask = np.full((HEIGHT, WIDTH, 3), 100, np.uint8), _mask(40)
    seen = painting.ShapePainter(1).paint(image, Drawn([Shape(3, mask=mask)], [Shape(3, mask=_mask(120))]))
    assert seen[64, 56].tolist() == [round(50 + value / 2) for value in colour_of(3)]
    assert seen[64, 120].tolist() == list(TRUTH)
    assert seen[64, 136].tolist() == seen[64, 240].tolist() == [100] * 3
    assert (image == 100).all()


def test_limbs_are_drawn_between_known_joints_alone() -> None:
    joints = np.full((15, 2), np.nan)
    joints[[9, 10]] = [[40, 60], [80, 60]]  # left shoulder and elbow
    seen = painting.ShapePainter(1).paint(np.zeros((HEIGHT, WIDTH, 3), np.uint8), Drawn([Shape(1, joints=joints)], []))
    assert seen[60, 60].tolist() == list(colour_of(1))
    assert np.flatnonzero(seen.any(2).any(0))[[0, -1]].tolist() == pytest.approx([40, 80], abs=12)
    nobody = np.full((15, 2), np.nan)
    assert not painting.ShapePainter(1).paint(np.zeros((64, 64, 3), np.uint8), Drawn([Shape(1, joints=nobody)], [])).any()


def test_a_clip_is_drawn_once_and_plays(parts: dict[str, Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for task in ("sot", "vos"):
        gallery._draw(parts[task], tmp_path / f"{task}.mp4")
        images = [frame.image for frame in read_video(tmp_path / f"{task}.mp4")]
        assert [image.shape for image in images] == [(HEIGHT, WIDTH, 3)] * (2 if task == "sot" else 3)
    monkeypatch.setattr(gallery, "encoded", lambda *given, **named: pytest.fail("drawn again"))
    gallery._draw(parts["vos"], tmp_path / "vos.mp4")


def test_where_nobody_is_followed_there_is_no_clip(parts: dict[str, Part], tmp_path: Path) -> None:
    part = Part(tmp_path / "empty.part", "key", "sot", Shown(parts["sot"].shown.frames, (1, 3)))
    part.write({"DCF": []})
    gallery._draw(part, tmp_path / "sot.mp4")
    assert not (tmp_path / "sot.mp4").exists()


def test_the_page_has_clips_and_scores_of_what_was_judged(tmp_path: Path) -> None:
    entries = {name: Entry.model_validate({"network": {"network": "resnet18", "layer": "layer3"}, "weights": "random"}) for name in "ab"}
    for start, value in ((1, 40.0), (2, 60.0)):
        body = {"key": "k", "scores": {"propagation": {"J": value}, "still": {"J": 7.0}}}
        path = tmp_path / FOLDER / "scores" / "a" / str(start) / "vos.json"
        path.parent.mkdir(parents=True)
        write_text(path, checked_text(body))
    (tmp_path / gallery.CLIPS / "a").mkdir(parents=True)
    (tmp_path / gallery.CLIPS / "a" / "vos.mp4").write_bytes(b"clip")
    text = gallery.write(entries, tmp_path).read_text()
    assert "<td>a</td><td>propagation</td><td>50.0 [40.0, 60.0]</td>" in text
    assert text.count("<video") == text.count("<section") == 1
    assert "<td>b</td>" not in text


def test_drawing_is_none_of_the_code_that_a_part_depends_on() -> None:
    judging = {name for task in TASKS.values() for name in code.sources((*SHARED, task.file), code.ROOT)}
    drawing = {*gallery.CODE, "pipeline/tracking/drawing.py", "pipeline/report/clips.py", "pipeline/report/page.py"}
    assert not judging & drawing
    assert drawing <= set(code.sources(gallery.CODE, code.ROOT))
