from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.frames import Frame
from pipeline.params.sections.data import Source
from pipeline.sources.defects import Defects
from pipeline.sources.mot_challenge import plan
from pipeline.sources.planned import PlannedSequence
from tests.pipeline.recorded import mot_sequence, record, truncate, write_image
from tests.shared import dataset

INI = "[Sequence]\nname=a\nimDir=img1\nframeRate=25\nseqLength=3\n"


def source(sequences: list[str] | None = None) -> Source:
    return Source(name="set", kind="mot_challenge", root="", sequences=sequences, images_per_file=8)


def planned(folder: Path, strict: bool = True, sequences: list[str] | None = None) -> list[PlannedSequence]:
    return plan(source(sequences), folder, strict).sequences


def read(sequence: PlannedSequence, folder: Path, strict: bool = True) -> tuple[list[Frame], list[str]]:
    defects = Defects(folder, strict)
    return list(sequence.read(90, defects)), defects.lines


def test_images_with_everything_beside_them(tmp_path: Path) -> None:
    gt = "1,4,10,20,30,40,1,1,0.5\n3,4,12,20,30,40,1,1,1\n3,5,50,20,30,40,0,3,1\n"
    folder = mot_sequence(tmp_path / "a", gt=gt, det="2,-1,1,2,3,4,0.9\n", ini=INI)
    (sequence,) = planned(tmp_path)
    frames, _ = read(sequence, tmp_path)
    assert (sequence.name, sequence.frame_rate, sequence.ground_truth, sequence.detections) == ("a", 25.0, True, True)
    assert [frame.frame for frame in frames] == [1, 2, 3]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08])
    assert [len(frame.objects) for frame in frames] == [1, 0, 2]
    assert frames[2].objects.classes.tolist() == [1, 3]
    assert [len(frame.public_boxes) for frame in frames] == [0, 1, 0]
    np.testing.assert_array_equal(frames[0].objects.boxes, [[10, 20, 40, 60]])
    assert frames[1].image == (folder / "img1/000002.jpg").read_bytes()
    assert sequence.notes == ()


def test_annotation_is_optional(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "a")
    (sequence,) = planned(tmp_path)
    assert (sequence.ground_truth, sequence.detections, sequence.frame_rate) == (False, False, 30.0)
    assert "30 frames/s assumed" in sequence.notes[0]
    assert len(read(sequence, tmp_path)[0][0].objects) == 0


def test_an_empty_ground_truth_is_valid(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "a", gt="", ini=INI)
    (sequence,) = planned(tmp_path)
    assert sequence.ground_truth
    assert sum(len(frame.objects) for frame in read(sequence, tmp_path)[0]) == 0


def test_gaps_in_the_images_stay_gaps(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "a", frames=(2, 4, 10), gt="4,1,1,1,5,5,1\n", ini=INI)
    frames, _ = read(planned(tmp_path)[0], tmp_path)
    assert [(frame.frame, frame.time, len(frame.objects)) for frame in frames] == [(2, 0.0, 0), (4, 0.08, 1), (10, 0.32, 0)]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_a_video_in_the_sequence_folder(tmp_path: Path, name: str) -> None:
    record(tmp_path / "a" / name, 12, codec="mpeg4" if name.endswith("avi") else "libx264")
    (sequence,) = planned(tmp_path)
    frames, _ = read(sequence, tmp_path)
    assert (sequence.source, sequence.frames, sequence.frame_rate) == (f"a/{name}", 12, 25.0)
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(12)])


def test_frame_rate_follows_the_annotation_and_times_the_video(tmp_path: Path) -> None:
    record(tmp_path / "a/clip.mp4", 12)
    (tmp_path / "a/seqinfo.ini").write_text("[Sequence]\nframeRate=7\nseqLength=99\n")
    (sequence,) = planned(tmp_path)
    assert sequence.frame_rate == 7.0
    assert read(sequence, tmp_path)[0][1].time == pytest.approx(0.04)
    assert [note.split(": ")[1] for note in sequence.notes] == [
        "seqinfo.ini states 99 frames, 12 are here",
        "seqinfo.ini states 7 frames/s, the video 25; the annotation's is used",
    ]


def test_distractors_and_unscored_pedestrians_are_ignored_and_vehicles_are_not(tmp_path: Path) -> None:
    classes = [1, 2, 3, 7, 8, 9, 12, 13]
    lines = [f"1,{identity},{10 * identity},1,5,5,{int(value == 1)},{value},1" for identity, value in enumerate(classes)]
    mot_sequence(tmp_path / "a", gt="\n".join([*lines, "1,99,1,1,5,5,0,1,1"]))
    objects = read(planned(tmp_path)[0], tmp_path)[0][0].objects
    assert objects.ignores.tolist() == [False, True, False, True, True, False, True, True, True]


@pytest.mark.parametrize("layout", ["a", "", "train/a"])
def test_root_is_a_sequence_or_holds_sequences_or_a_train_folder(tmp_path: Path, layout: str) -> None:
    mot_sequence(tmp_path / "root" / layout)
    assert [sequence.name for sequence in planned(tmp_path / "root")] == ["a" if layout else "root"]


def test_sequences_are_chosen_by_name(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        mot_sequence(tmp_path / name)
    assert [sequence.name for sequence in planned(tmp_path, sequences=["c", "a"])] == ["a", "c"]
    with pytest.raises(UserError, match="no sequence d; there are a, b, c"):
        planned(tmp_path, sequences=["a", "d"])


def test_a_broken_ground_truth_line_stops_before_any_image_is_read(tmp_path: Path) -> None:
    folder = mot_sequence(tmp_path / "a", gt="1,1,1,1,5,5,1\n1,x,1,1,5,5,1\n")
    with pytest.raises(UserError, match=r"a/gt/gt\.txt:2: 'x' is not a number"):
        planned(tmp_path)
    (sequence,) = planned(tmp_path, strict=False)
    assert sequence.defects == ("a/gt/gt.txt:2: 'x' is not a number",)
    assert len(read(sequence, folder)[0][0].objects) == 1


def test_ground_truth_without_an_image_is_a_defect_and_detections_are_a_note(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "a", gt="1,1,1,1,5,5,1\n4,1,1,1,5,5,1\n5,1,1,1,5,5,1\n", det="1,-1,1,1,5,5,1\n9,-1,1,1,5,5,1\n")
    with pytest.raises(UserError, match=r"gt\.txt:2-3: frame 4 has no image \(frames 1 to 3 are here, 3 in all\); 2 of 3 rows are such"):
        planned(tmp_path)
    (sequence,) = planned(tmp_path, strict=False)
    assert "a: 1 of 2 rows of det.txt lie on frames that are not here; left out" in sequence.notes
    assert [len(frame.public_boxes) for frame in read(sequence, tmp_path)[0]] == [1, 0, 0]


def test_a_corrupt_jpeg_is_named(tmp_path: Path) -> None:
    path = mot_sequence(tmp_path / "a") / "img1/000002.jpg"
    truncate(path, 0.5)
    (sequence,) = planned(tmp_path)
    with pytest.raises(UserError, match=r"a/img1/000002\.jpg: the image is damaged(.|\n)*next:.*skip_and_report"):
        read(sequence, tmp_path)
    frames, lines = read(sequence, tmp_path, strict=False)
    assert [frame.frame for frame in frames] == [1, 3]
    assert lines[0].startswith("a/img1/000002.jpg: ")


def test_a_cut_off_video_is_found_before_it_is_decoded(tmp_path: Path) -> None:
    truncate(record(tmp_path / "a/clip.avi", 80, codec="mpeg4"), 0.8)
    with pytest.raises(UserError, match=r"clip\.avi: the video is damaged or cut off: its header promises 80 frames"):
        planned(tmp_path)
    (sequence,) = planned(tmp_path, strict=False)
    frames, lines = read(sequence, tmp_path, strict=False)
    assert [frame.frame for frame in frames] == list(range(1, len(frames) + 1))
    assert 5 < len(frames) < 80
    assert len(lines) == 1
    assert lines[0].startswith("a/clip.avi: ")


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        pytest.param(lambda root: None, "no such folder", id="missing"),
        pytest.param(lambda root: root.mkdir(), "no sequence here", id="empty"),
        pytest.param(lambda root: (root / "a/gt").mkdir(parents=True), "no images and no video in a", id="annotation alone"),
        pytest.param(lambda root: write_image(root / "a/img1/first.jpg"), "must end in its frame number", id="no number"),
        pytest.param(lambda root: write_image(root / "a/img1/000000.jpg"), "counted from 1", id="frame 0"),
        pytest.param(lambda root: [write_image(root / f"a/img1/1{end}") for end in (".jpg", ".png")], "frame 1 is also", id="twice"),
        pytest.param(lambda root: [record(root / f"a/{n}.mp4", 1) for n in "xy"], "several videos", id="two videos"),
        pytest.param(lambda root: mot_sequence(root / "a", ini="frameRate=3"), "seqinfo.ini: cannot be used", id="no section"),
        pytest.param(lambda root: mot_sequence(root / "a", ini="[Sequence]\nframeRate=fast"), "seqinfo.ini: cannot", id="not a number"),
        pytest.param(lambda root: mot_sequence(root / "a", ini="[Sequence]\nframeRate=0"), "frameRate=0 must be", id="no rate"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, make: object, complaint: str) -> None:
    make(tmp_path / "root")  # type: ignore[operator]
    with pytest.raises(UserError, match=complaint) as caught:
        planned(tmp_path / "root")
    assert "next:" in str(caught.value)


def test_one_sequence_without_images_is_a_defect_of_the_set(tmp_path: Path) -> None:
    mot_sequence(tmp_path / "a")
    (tmp_path / "b/gt").mkdir(parents=True)
    with pytest.raises(UserError, match="b: the sequence has neither"):
        planned(tmp_path)
    found = plan(source(), tmp_path, strict=False)
    assert [sequence.name for sequence in found.sequences] == ["a"]
    assert found.defects == ["b: the sequence has neither images in img1/ nor a video file"]


def test_the_digest_follows_annotation_and_images(tmp_path: Path) -> None:
    folder = mot_sequence(tmp_path / "a", gt="1,1,1,1,5,5,1\n")
    digests = [planned(tmp_path)[0].digest, planned(tmp_path)[0].digest]
    (folder / "gt/gt.txt").write_text("1,1,1,1,5,6,1\n")
    digests.append(planned(tmp_path)[0].digest)
    write_image(folder / "img1/000004.jpg")
    digests.append(planned(tmp_path)[0].digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_pets() -> None:
    folder = dataset("PETS09-S2L1")
    (sequence,) = planned(folder)
    assert (sequence.name, sequence.frames, sequence.frame_rate) == ("PETS09-S2L1", 795, 7.0)
    first = next(sequence.read(90, Defects(folder, True)))
    assert (first.width, first.height, len(first.objects), len(first.public_boxes)) == (768, 576, 3, 3)


def test_mot17_mini() -> None:
    folder = dataset("MOT17-mini")
    sequences = planned(folder)
    assert [sequence.frames for sequence in sequences] == [4, 8, 6, 4, 5, 7, 5]
    frames, _ = read(sequences[1], folder)
    assert sum(len(frame.objects) for frame in frames) == 792
    assert sum(int(frame.objects.ignores.sum()) for frame in frames) == 32
    assert sum(len(frame.public_boxes) for frame in frames) == 205


def test_ground_truth_alone_is_no_data_set() -> None:
    with pytest.raises(UserError, match="no images and no video"):
        planned(dataset("MOT17-train-gt"))
