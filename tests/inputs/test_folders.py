"""Links, foreign folders, suffixes, archives and what is said of them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.sources.inspect import inspect
from pipeline.sources.kinds import guess
from tests.inputs.planned import planned, shown
from tests.pipeline.imitated import bdd100k, coco, coco_video, mot17, put, rows, sequence, zipped
from tests.pipeline.recorded import crowdhuman, record, write_image


def cam(root: Path, name: str = "cam") -> Path:
    """A folder of three images."""
    for index in (1, 2, 3):
        write_image(root / name / f"{index:06d}.jpg", index)
    return root / name


def looped(root: Path) -> str:
    (cam(root) / "up").symlink_to("..")
    return "cam/up: a link to a folder that is read already; left out"


def looped_to_itself(root: Path) -> str:
    (cam(root) / "again").symlink_to(root / "cam")
    return "cam/again: a link to a folder that is read already; left out"


def linked_twice(root: Path) -> str:
    cam(root, "zcam").rename(root / "cam")
    (root / "alias").symlink_to("cam")
    return "alias: a link to a folder that is read already; left out"


def synology(root: Path) -> str:
    for index in (1, 2, 3):
        write_image(cam(root) / f"@eaDir/{index:06d}.jpg/SYNOPHOTO_THUMB_M.jpg", index, 80, 60)
    return "cam/@eaDir: a computer's own folder (thumbnails, waste); left out"


def waste(root: Path) -> str:
    write_image(cam(root) / "$RECYCLE.BIN/old.jpg")
    return "cam/$RECYCLE.BIN: a computer's own folder (thumbnails, waste); left out"


def pipe(root: Path) -> str:
    os.mkfifo(cam(root) / "000004.jpg")
    return "cam/000004.jpg: a pipe, a socket or a device, no file; left out"


def device(root: Path) -> str:
    (cam(root) / "clip.mp4").symlink_to("/dev/null")
    return "cam/clip.mp4: a pipe, a socket or a device, no file; left out"


@pytest.mark.parametrize("make", [looped, looped_to_itself, linked_twice, synology, waste, pipe, device])
def test_each_folder_is_read_once_and_foreign_ones_are_left(tmp_path: Path, make: object) -> None:
    assert callable(make)
    said = make(tmp_path)
    found = planned(tmp_path)
    assert [item.name for item in found.sequences] == ["cam"]
    assert shown(found.sequences[0]) == {1: 1, 2: 2, 3: 3}
    assert found.notes == (said,)
    assert inspect(str(tmp_path)).all_remarks[0] == said


def test_a_link_to_a_folder_that_is_nowhere_else_is_followed(tmp_path: Path) -> None:
    cam(tmp_path, "elsewhere")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/cam").symlink_to(tmp_path / "elsewhere")
    assert [item.name for item in planned(tmp_path / "root").sequences] == ["cam"]


def dead_image(root: Path) -> tuple[str, str]:
    sequence(root / "S", frames=2)
    (root / "S/img1/000003.jpg").symlink_to("/nonexistent/000003.jpg")
    return "mot_challenge", "S/img1/000003.jpg: cannot be read (a link to nothing)"


def dead_truth(root: Path) -> tuple[str, str]:
    sequence(root / "S", frames=2)
    (root / "S/gt/gt.txt").unlink()
    (root / "S/gt/gt.txt").symlink_to("/nonexistent/gt.txt")
    return "mot_challenge", "S/gt/gt.txt: cannot be read (a link to nothing)"


def dead_info(root: Path) -> tuple[str, str]:
    sequence(root / "S", frames=2)
    (root / "S/seqinfo.ini").unlink()
    (root / "S/seqinfo.ini").symlink_to("gone.ini")
    return "mot_challenge", "S/seqinfo.ini: cannot be read (a link to nothing)"


def dead_picture(root: Path) -> tuple[str, str]:
    (cam(root, "S") / "000004.jpg").symlink_to("gone.jpg")
    return "folder", "S/000004.jpg: cannot be read (a link to nothing)"


def ring(root: Path) -> tuple[str, str]:
    (cam(root, "S") / "000004.jpg").symlink_to("000004.jpg")
    return "folder", "S/000004.jpg: cannot be read (a link to nothing)"


def test_a_pipe_among_images_of_a_sequence_is_a_defect_and_is_not_waited_for(tmp_path: Path) -> None:
    sequence(tmp_path / "S", frames=2)
    os.mkfifo(tmp_path / "S/img1/000003.jpg")
    (found,) = planned(tmp_path, "mot_challenge").sequences
    assert found.defects[0] == "S/img1/000003.jpg: a pipe, a socket or a device, no file, which cannot be read"


@pytest.mark.parametrize("make", [dead_image, dead_truth, dead_info, dead_picture, ring])
def test_a_dead_link_is_a_defect(tmp_path: Path, make: object) -> None:
    assert callable(make)
    kind, said = make(tmp_path)
    found = planned(tmp_path, kind)
    assert [item.name for item in found.sequences] == ["S"]
    assert [*found.defects, *found.sequences[0].defects] == [said]
    with pytest.raises(UserError, match="a link to nothing"):
        planned(tmp_path, kind, strict=True)
    assert inspect(str(tmp_path)).all_defects == [said]


@pytest.mark.parametrize(
    "codec_and_name", ["mpeg4 00001.mts", "libx264 a.m2ts", "mpeg4 b.3gp", "libx264 film", "mpeg4 c.dat", "libx264 d.f4v"]
)
def test_videos_are_told_by_what_they_hold(tmp_path: Path, codec_and_name: str) -> None:
    codec, name = codec_and_name.split()
    made = record(tmp_path / f"made{'.ts' if name.endswith('ts') else '.mp4'}", 5, codec=codec)
    made.rename(tmp_path / name)
    (found,) = planned(tmp_path).sequences
    assert (found.name, found.frames) == (Path(name).stem, 5)


@pytest.mark.parametrize("name", ["a.jfif", "b.JPG_large", "c"])
def test_images_are_told_by_what_they_hold(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / "made.jpg", 7)
    (tmp_path / "made.jpg").rename(tmp_path / name)
    (found,) = planned(tmp_path).sequences
    assert list(shown(found).values()) == [7]


HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
PASSED = [
    ("a.heic", HEIC, "a HEIC picture; convert it to JPEG"),
    ("a.html", b"<!DOCTYPE html><html>404</html>", "a web page (HTML), as a failed download leaves it"),
    ("a.bin", b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS, whose file was not downloaded"),
    ("more.zip", b"PK\x03\x04rest", "a zip archive"),
    ("a.xyz", b"\x01\x02", ".xyz"),
]


@pytest.mark.parametrize(("name", "raw", "what"), PASSED)
def test_what_is_passed_over_is_named(tmp_path: Path, name: str, raw: bytes, what: str) -> None:
    cam(tmp_path)
    (tmp_path / name).write_bytes(raw)
    assert planned(tmp_path).notes == (f"1 file neither video nor image ({what}): {name}; left out",)
    for path in (tmp_path / "cam").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=rf"neither a video nor images here\n1 file .*{name}"):
        planned(tmp_path)


@pytest.mark.parametrize(("name", "raw", "what"), PASSED[:3])
def test_a_picture_that_is_none_is_named_for_what_it_is(tmp_path: Path, name: str, raw: bytes, what: str) -> None:
    (cam(tmp_path) / "000004.jpg").write_bytes(raw)
    assert f"000004.jpg: it is {what}" in inspect(str(tmp_path), decode=True).all_defects[0]


@pytest.mark.parametrize(("name", "raw", "what"), PASSED[1:4])
def test_a_video_that_is_none_is_named_for_what_it_is(tmp_path: Path, name: str, raw: bytes, what: str) -> None:
    (cam(tmp_path).parent / "clip.mp4").write_bytes(raw)
    assert planned(tmp_path).defects == [f"clip.mp4: {what}, no video"]


def test_archives_in_a_folder_of_sequences_are_named(tmp_path: Path) -> None:
    mot17(tmp_path / "made")
    sequence(tmp_path / "root/A")
    zipped(tmp_path / "made", tmp_path / "root/MOT17.zip")
    assert planned(tmp_path / "root", "mot_challenge").notes == ("MOT17.zip: an archive, not read here; name it as root of its own",)


def test_sets_one_folder_down_are_named(tmp_path: Path) -> None:
    """As `pipeline.sources.inspect shared/datasets` has it."""
    sequence(tmp_path / "PETS")
    for name in ("A", "B"):
        sequence(tmp_path / f"MOT17/train/{name}")
        sequence(tmp_path / f"more/{name}")
    found = planned(tmp_path, "mot_challenge")
    assert [item.name for item in found.sequences] == ["PETS"]
    assert found.notes == (
        "MOT17/train: 2 more sequences (A, B), not of this root; name that folder as root",
        "more: 2 more sequences (A, B), not of this root; name that folder as root",
    )


def backslashes(root: Path, names: dict[str, bytes]) -> Path:
    """An archive as some programs of Windows write it."""
    with zipfile.ZipFile(root / "set.zip", "w") as out:
        for name, raw in names.items():
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("/", "\\")
            out.writestr(info, raw)
    return root / "set.zip"


@pytest.mark.parametrize("above", ["", "train/S/", "S/"])
def test_an_archive_with_backslashes_is_read(tmp_path: Path, above: str) -> None:
    image = write_image(tmp_path / "a.jpg", 3)
    names = {f"{above}img1/000001.jpg": image, f"{above}gt/gt.txt": rows(1, 2, "1,1,1").encode()}
    found = planned(backslashes(tmp_path, names), "mot_challenge")
    assert len(found.sequences[0].annotation) == 2
    assert found.sequences[0].ground_truth
    assert shown(found.sequences[0]) == {1: 3}


INI = "[Sequence]\nname=S\nimDir={}\nframeRate=25\nseqLength=3\n"


@pytest.mark.parametrize("inner", ["img", "images", "frames/left", "img1", "."])
def test_the_folder_of_images_is_the_stated_one(tmp_path: Path, inner: str) -> None:
    for index in (1, 2, 3):
        write_image(tmp_path / "S" / inner / f"{index:06d}.jpg", index)
    put(tmp_path / "S/seqinfo.ini", INI.format(inner))
    put(tmp_path / "S/gt/gt.txt", rows(3, 1, "1,1,1"))
    assert guess(tmp_path) == "mot_challenge"
    found = planned(tmp_path, "mot_challenge").sequences[0]
    assert shown(found) == {1: 1, 2: 2, 3: 3}
    assert not any("imDir" in note for note in found.notes)


@pytest.mark.parametrize("stated", ["/img1", "../img1", "frames", "C:/sets/frames"])
def test_images_that_lie_elsewhere_than_stated_are_read_with_a_remark(tmp_path: Path, stated: str) -> None:
    for index in (1, 2, 3):
        write_image(tmp_path / "S/img1" / f"{index:06d}.jpg", index)
    put(tmp_path / "S/seqinfo.ini", INI.format(stated))
    found = planned(tmp_path, "mot_challenge").sequences[0]
    assert shown(found) == {1: 1, 2: 2, 3: 3}
    assert f"S: seqinfo.ini says imDir={stated}; the images are read from img1/" in found.notes


def test_a_stated_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    put(tmp_path / "S/seqinfo.ini", INI.format("img"))
    with pytest.raises(UserError, match=r"looked for img/ \(imDir of seqinfo\.ini\) and img1/"):
        planned(tmp_path, "mot_challenge")


@pytest.mark.parametrize("inner", ["Images", "CrowdHuman_train01/Images"])
def test_crowdhuman_unpacked_into_itself_names_the_missing_image(tmp_path: Path, inner: str) -> None:
    crowdhuman(tmp_path, ["a1", "b"])
    (tmp_path / "Images" / inner).mkdir(parents=True)
    for name in ("a1.jpg", "b.jpg"):
        os.rename(tmp_path / f"Images/{name}", tmp_path / "Images" / inner / name)
    with pytest.raises(UserError, match=rf"the image Images/a1\.jpg is missing \(it lies in Images/{inner}\)"):
        planned(tmp_path, "crowdhuman")


@pytest.mark.parametrize("info", [True, False])
def test_a_set_without_images_is_inspected_by_its_annotation(tmp_path: Path, info: bool) -> None:
    for name in ("A", "B"):
        put(tmp_path / name / "gt/gt.txt", rows(4, 2, "1,1,1") + "4,9,500,1,5,5,0,3,1\n")
        if info:
            put(tmp_path / name / "seqinfo.ini", f"[Sequence]\nname={name}\nframeRate=20\nseqLength=4\nimWidth=160\nimHeight=120\n")
    found = inspect(str(tmp_path))
    assert ({item.sequence for item in found.sequences}, found.totals["boxes"], found.totals["frames"]) == ({"A", "B"}, 18, 8)
    assert found.all_defects == []
    assert "A: no images are here; the annotation alone is counted, which ends at frame 4" in found.all_remarks
    assert any("lies wholly outside the image" in line for line in found.all_remarks) == info
    with pytest.raises(UserError, match="no images and no video in A, B"):
        planned(tmp_path, "mot_challenge", strict=True)


@pytest.mark.parametrize("make", [coco, coco_video, bdd100k])
def test_annotation_in_json_is_inspected_without_its_images(tmp_path: Path, make: object) -> None:
    assert callable(make)
    whole = inspect(str(make(tmp_path)))
    for path in list(tmp_path.rglob("*.jpg")):
        path.unlink()
    found = inspect(str(tmp_path))
    assert found.all_remarks[0] == "no images are here; the annotation alone is counted"
    assert found.all_defects == []
    for key in ("sequences", "frames", "identities", "boxes", "classes"):
        assert found.totals[key] == whole.totals[key]


def test_one_image_that_is_there_makes_the_others_defects(tmp_path: Path) -> None:
    coco(tmp_path)
    for path in list(tmp_path.rglob("*.jpg"))[1:]:
        path.unlink()
    assert len([line for line in inspect(str(tmp_path)).all_defects if "is missing" in line]) == 2
