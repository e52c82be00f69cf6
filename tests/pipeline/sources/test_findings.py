from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.params.sections.data import Source
from pipeline.sources import crowdhuman as stills
from pipeline.sources import mot_challenge
from pipeline.sources.findings import Findings, look
from tests.pipeline.recorded import crowdhuman, mot_sequence, person, write_image


def findings(root: Path, gt: str, frames: int = 3, ini: str = "[Sequence]\nframeRate=1\n", decode: bool = False) -> Findings:
    mot_sequence(root / "a", frames=range(1, frames + 1), gt=gt, ini=ini)
    entry = Source(name="set", kind="mot_challenge", root="", sequences=None, images_per_file=8)
    (sequence,) = mot_challenge.plan(entry, root, strict=False).sequences
    return look(sequence, decode=decode)


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        ("-20,10,20,20", True),  # ends where the image begins
        ("-20,10,21,20", False),
        ("160,10,20,20", True),  # begins where it ends
        ("159,10,20,20", False),
        ("10,-50,20,20", True),
        ("10,120,20,20", True),
    ],
)
def test_boxes_wholly_outside(tmp_path: Path, box: str, outside: bool) -> None:
    found = findings(tmp_path, f"1,1,5,5,9,9,1,1,1\n2,7,{box},1,1,1\n")
    lines = [line for line in found.remarks if "wholly outside" in line]
    assert [line.startswith("a/gt/gt.txt:2: the box ") and line.endswith("(160x120)") for line in lines] == [True] * outside
    assert (found.boxes, found.defects) == (2, [])


def test_identities_that_return_after_more_than_five_seconds(tmp_path: Path) -> None:
    rows = [(9, 4), (1, 4), (2, 4), (1, 5), (6, 5), (1, -1), (9, -1)]
    found = findings(tmp_path, "".join(f"{frame},{identity},1,1,5,5,1,1,1\n" for frame, identity in rows), frames=9)
    assert found.remarks == ["a/gt/gt.txt:1: id 4 reappears in frame 9 after 6 frames without it (6.0 s)"]
    assert found.identities == 2


def test_annotation_that_contradicts_the_images(tmp_path: Path) -> None:
    found = findings(tmp_path, "", ini="[Sequence]\nframeRate=1\nseqLength=5\nimWidth=320\nimHeight=240\n")
    assert found.remarks == [
        "a: seqinfo.ini states 5 frames, 3 are here",
        "a: the annotation states 320x240 pixels, the images have 160x120",
    ]


def test_occlusion_of_the_people_that_are_scored(tmp_path: Path) -> None:
    # a car covers all of the first; the second and third cover 3/5 of each other; the distractor does not count
    gt = "1,1,10,10,10,10,1,1,0.2\n1,9,0,0,30,30,1,3,1\n2,1,100,10,10,10,1,1,0.4\n2,2,104,10,10,10,1,1,1\n3,8,1,1,9,9,1,8,0\n"
    found = findings(tmp_path, gt)
    assert found.occlusion is not None
    assert found.occlusion.visibility == pytest.approx((0.2 + 0.4 + 1) / 3)
    assert (found.occlusion.hidden, found.occlusion.covered) == (2 / 3, 1.0)
    assert found.classes == {"pedestrian": 3, "car": 1, "distractor": 1}
    assert findings(tmp_path / "none", "").occlusion is None


def test_sizes_of_stills_are_known_once_they_are_decoded(tmp_path: Path) -> None:
    root = crowdhuman(tmp_path, ["a", "b"])
    write_image(root / "Images/b.jpg", width=80, height=60)
    entry = Source(name="set", kind="crowdhuman", root="", sequences=None, images_per_file=8)
    (sequence,) = stills.plan(entry, root, strict=False).sequences
    assert look(sequence, decode=False).sizes == {"160x120": 1}
    assert look(sequence, decode=True).sizes == {"160x120": 1, "80x60": 1}
    assert sequence.annotation.where(1) == "annotation_train.odgt:2: box 1"
    assert person()["fbox"] == [10, 20, 20, 40]


def test_frames_of_another_size_are_defects(tmp_path: Path) -> None:
    found = findings(tmp_path, "")
    assert found.sizes == {"160x120": 1}
    write_image(tmp_path / "a/img1/000002.jpg", width=80, height=60)
    entry = Source(name="set", kind="mot_challenge", root="", sequences=None, images_per_file=8)
    again = look(mot_challenge.plan(entry, tmp_path, strict=False).sequences[0], decode=True)
    assert again.defects == ["a/img1: frame 2 is 80x60, the sequence began with 160x120"]
    assert (again.sizes, again.frames) == ({"160x120": 2}, 2)
