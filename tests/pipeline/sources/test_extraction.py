from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pycocotools import mask

from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files.frames import read_frames
from pipeline.params.sections.data import Source
from pipeline.sources import mot_challenge
from pipeline.sources.extraction import Extraction, forget_others, perform, reused, with_images
from tests.pipeline.imitated import mots, run_lengths
from tests.pipeline.recorded import mot_sequence, record, truncate, write_image

GT = "1,4,10,20,30,40,1,1,1\n1,-1,10,20,30,40,1,1,1\n2,4,10,20,30,40,1,1,1\n3,5,10,20,30,40,1,1,1\n"


def tasks(root: Path, out: Path, strict: bool = True) -> list[Extraction]:
    source = Source(name="set", kind="mot_challenge", root="", sequences=None, images_per_file=8)
    plan = mot_challenge.plan(source, root, strict)
    publication = Publication(out, "extract_frames", "a" * 64)
    made = [Extraction(publication, sequence, 90, 1.0, strict, "code") for sequence in plan.sequences]
    return with_images(made, out.parent)


def done(task: Extraction) -> bool:
    return reused([task], task.publication.out.parent) == []


def test_a_frame_file_states_what_it_holds(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a", gt=GT, det="1,-1,1,1,5,5,0.5\n", ini="[Sequence]\nframeRate=10\n")
    (task,) = tasks(tmp_path / "in", tmp_path / "out")
    assert not done(task)
    perform(task)
    assert done(task)
    facts = task.facts()
    assert (facts["dataset"], facts["sequence"], facts["kind"], facts["frame_rate"]) == ("set", "a", "video", 10.0)
    assert (facts["width"], facts["height"], facts["ground_truth"], facts["detections"], facts["source"]) == (
        160,
        120,
        True,
        True,
        "a/img1",
    )
    size = sum(path.stat().st_size for path in (tmp_path / "in/a/img1").iterdir())
    expected = {"objects": 4, "identities": 2, "detections": 1, "image_bytes": size, "defects": [], "notes": []}
    assert (facts["frames"], facts["summary"]) == (3, expected)


def test_a_finished_sequence_is_done_only_for_the_same_source(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a", gt=GT)
    perform(tasks(tmp_path / "in", tmp_path / "out")[0])
    (tmp_path / "in/a/gt/gt.txt").write_text(GT.replace("10,20", "11,20"))
    assert not done(tasks(tmp_path / "in", tmp_path / "out")[0])


def test_the_same_source_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    record(tmp_path / "one/a/clip.mp4", 8)
    mot_sequence(tmp_path / "one/b", gt=GT + "9,1,1,1,5,5,1,1,1\n")
    truncate(tmp_path / "one/b/img1/000002.jpg", 0.5)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for name in ("one", "two"):
        for task in tasks(tmp_path / name, tmp_path / f"out-{name}", strict=False):
            perform(task)
        task.publication.publish()
    for part in ("set/a.parquet", "set/b.parquet"):
        assert (tmp_path / "out-one" / part).read_bytes() == (tmp_path / "out-two" / part).read_bytes()


def test_images_of_another_size_are_defects(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a")
    write_image(tmp_path / "in/a/img1/000004.jpg", width=80, height=60)
    with pytest.raises(UserError, match="frame 4 is 80x60, the sequence began with 160x120"):
        perform(tasks(tmp_path / "in", tmp_path / "out")[0])
    (task,) = tasks(tmp_path / "in", tmp_path / "out", strict=False)
    perform(task)
    assert task.facts()["frames"] == 3
    assert len(task.facts()["summary"]["defects"]) == 1


def test_masks_go_into_the_frame_file_as_the_source_writes_them(tmp_path: Path) -> None:
    (task,) = tasks(mots(tmp_path / "in"), tmp_path / "out")
    perform(task)
    first, *_ = read_frames(task.publication.path(task.part))
    drawn = [run_lengths(41, 20, 12, 30), run_lengths(71, 20, 12, 30), run_lengths(100, 60, 40, 40)]
    assert first.objects.masks is not None
    assert first.objects.masks.tolist() == drawn
    for text, box in zip(drawn, first.objects.boxes.tolist(), strict=True):
        pixels = mask.decode({"size": [first.height, first.width], "counts": text.encode()})
        assert int(pixels.sum()) == (box[2] - box[0]) * (box[3] - box[1])


def test_images_that_masks_do_not_fit_are_defects(tmp_path: Path) -> None:
    images = mots(tmp_path / "in") / "train/MOTS20-02/img1"
    for frame in (1, 2, 3):
        write_image(images / f"{frame:06d}.jpg", width=80, height=60)
    (task,) = tasks(tmp_path / "in", tmp_path / "out")
    with pytest.raises(UserError, match="frame 1 is 80x60, its masks are drawn on 160x120"):
        perform(task)


def test_a_sequence_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a", frames=(1,))
    truncate(tmp_path / "in/a/img1/000001.jpg", 0.5)
    with pytest.raises(UserError, match=r"no frame of a/img1 can be read(.|\n)*000001\.jpg"):
        perform(tasks(tmp_path / "in", tmp_path / "out", strict=False)[0])


def test_a_failed_task_leaves_no_half_file_and_loses_no_other(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a")
    mot_sequence(tmp_path / "in/b")
    truncate(tmp_path / "in/b/img1/000003.jpg", 0.5)
    good, bad = tasks(tmp_path / "in", tmp_path / "out")
    perform(good)
    with pytest.raises(UserError, match="next:"):
        perform(bad)
    assert (done(good), done(bad)) == (True, False)
    assert [path.name for path in good.publication.partial.glob("set/*")] == ["a.parquet"]


def test_what_a_killed_run_left_of_other_sequences_is_forgotten(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "in/a")
    mot_sequence(tmp_path / "in/b")
    both = tasks(tmp_path / "in", tmp_path / "out")
    for task in both:
        perform(task)
    (both[0].publication.partial / "set/.c.parquet.1.tmp").touch()
    forget_others(both[0].publication, both[:1])
    assert sorted(both[0].publication.publish().files) == ["set/a.parquet"]


def test_video_frames_carry_the_quality(tmp_path: Path) -> None:
    record(tmp_path / "in/a/clip.mp4", 3)
    (task,) = tasks(tmp_path / "in", tmp_path / "out")
    perform(task)
    frames = list(read_frames(task.publication.path(task.part)))
    assert [(frame.frame, frame.width, frame.height, frame.image[:2]) for frame in frames] == [
        (n, 160, 120, b"\xff\xd8") for n in (1, 2, 3)
    ]
