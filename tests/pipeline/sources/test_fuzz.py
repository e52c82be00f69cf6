"""More than three thousand damaged files: none ends in another error than ours, and no row is lost without being named."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import sources
from pipeline.errors import UserError
from pipeline.params.sections.data import Source
from pipeline.sources.defects import Defects
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import bdd100k, coco, coco_video, jhmdb, mot17, mots, otb, posetrack, youtube_vis, zipped
from tests.pipeline.recorded import crowdhuman, person, record
from tests.pipeline.sources.mutations import harm_bytes, harm_json, harm_text, lines_of

PORTION = 50
BRUSH = "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0"
GT = "train/MOT17-02-FRCNN/gt/gt.txt"
INFO = "train/MOT17-02-FRCNN/seqinfo.ini"


def whole_plan(kind: str, root: Path) -> Plan | None:
    """What is planned with defects listed; None where all of it is refused. Refusing defects must agree."""
    entry = Source.model_validate({"name": "set", "kind": kind, "root": str(root), "sequences": None, "images_per_file": 2})
    refused = False
    try:
        sources.plan([entry], data_root="", root=Path("/"), strict=True)
    except UserError:
        refused = True
    try:
        plan = sources.plan([entry], data_root="", root=Path("/"), strict=False)
    except UserError:
        assert refused, "refused only when defects are listed"
        return None
    listed = lines_of(plan)
    assert refused == bool(listed), listed
    assert len(set(listed)) == len(listed), "a defect is listed twice"
    return plan


def kept(plan: Plan) -> int:
    return sum(len(sequence.annotation) for sequence in plan.sequences)


def named(plan: Plan, pattern: str) -> int:
    """How many rows the defects name: single ones, stretches, and counts."""
    matches = [match for line in lines_of(plan) if (match := re.search(pattern, line))]
    return sum(int(match[2]) - int(match[1]) + 1 if match[2] else 1 for match in matches)


def check_rows(plan: Plan | None, path: Path) -> None:
    """Of a text file: every line that is not blank is an object or a defect."""
    if plan is None:
        return
    rows = sum(bool(line.strip()) for line in path.read_bytes().decode("utf-8-sig").splitlines())
    where = r"gt/gt\.txt:(\d+)(?:-(\d+))?: "
    assert kept(plan) + named(plan, where) == rows, lines_of(plan)


def check_lines(plan: Plan | None, path: Path) -> None:
    """Of a text file whose lines are frames: what is neither an object nor said to be out of sight is a defect, or all of it is."""
    if plan is None or all(sequence.name != "Walking" for sequence in plan.sequences):
        return
    (walking,) = (sequence for sequence in plan.sequences if sequence.name == "Walking")
    rows = len(path.read_bytes().decode("utf-8-sig").rstrip().splitlines())
    unseen = sum(int(match[1]) for note in walking.notes if (match := re.search(r"(\d+) lines say", note)))
    beyond = max(rows - walking.frames, 0)
    bad = sum(bool(re.search(r"groundtruth_rect\.txt:\d+: ", line)) for line in walking.defects)
    assert rows - beyond - bad <= len(walking.annotation) + unseen <= rows, walking.defects
    assert not beyond or walking.defects


def check_odgt(plan: Plan | None, path: Path) -> None:
    """Every box of a line is an object or a defect, or the line is one."""
    if plan is None:
        return
    boxes = 0
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        said = [defect for defect in lines_of(plan) if re.search(rf"annotation_train\.odgt:{number}: (?!box \d)", defect)]
        if line.strip() and not said:
            boxes += len(json.loads(line)["gtboxes"])
    assert kept(plan) - kept_elsewhere(plan) + named(plan, r"odgt:(\d+): box \d+()?") == boxes, lines_of(plan)


def kept_elsewhere(plan: Plan) -> int:
    return sum(len(sequence.annotation) for sequence in plan.sequences if not sequence.name.startswith("train"))


def counted(plan: Plan) -> int:
    """Rows that go with something larger."""
    found = [re.search(r"; its (\d+) (?:labels|boxes)", line) for line in lines_of(plan)]
    return sum(int(match[1]) for match in found if match)


def check_scalabel(plan: Plan | None, path: Path) -> None:
    """Every label is an object or a defect."""
    if plan is None or any("labels/val.json:" in line and "frames[" not in line for line in plan.defects):
        return
    content = json.loads(path.read_bytes())
    frames = content.get("frames") if isinstance(content, dict) else content
    labels = [frame["labels"] for frame in frames if isinstance(frame, dict) and isinstance(frame.get("labels"), list)]
    assert kept(plan) + named(plan, r"\.labels\[(\d+)\]()?: ") + counted(plan) == sum(map(len, labels)), lines_of(plan)
    pictured = sum(sequence.frames for sequence in plan.sequences)
    assert pictured + named(plan, r"frames\[(\d+)\]()?: ") == len(frames), lines_of(plan)


def check_coco(plan: Plan | None, path: Path) -> None:
    """Every annotation is an object or a defect, every image is a frame or a defect."""
    if plan is None:
        return
    content = json.loads(path.read_bytes())
    assert kept(plan) + named(plan, r"annotations\[(\d+)\]()?: ") + counted(plan) == len(content["annotations"]), lines_of(plan)
    pictured = sum(sequence.frames for sequence in plan.sequences)
    assert pictured + named(plan, r"images\[(\d+)\]()?: ") == len(content["images"]), lines_of(plan)


def check_posetrack(plan: Plan | None, path: Path) -> None:
    """Every annotation is an object or a defect, every image a frame, a defect or said not to be labelled, or all of it is refused."""
    harmed = [sequence for sequence in plan.sequences if sequence.name == path.stem] if plan else []
    for sequence in harmed:
        content, one = json.loads(path.read_bytes()), Plan([sequence], [])
        regions = int((sequence.annotation.objects.ignores).sum())
        lost = named(one, r": annotations\[(\d+)\]()?: ") + counted(one)
        if sequence.ground_truth:
            assert kept(one) - regions + lost == len(content["annotations"]), lines_of(one)
        unlabelled = sum(int(match[1]) for note in sequence.notes if (match := re.search(r": (\d+) images are not labelled", note)))
        beside = {match[1] for line in lines_of(one) if (match := re.search(r": images\[(\d+)\]: (?!.*regions? to ignore|ignore_r)", line))}
        assert sequence.frames + unlabelled + len(beside) == len(content["images"]), lines_of(one)


def check_posetrack_whole(plan: Plan | None, path: Path) -> None:
    """Damaged detections cost no object, and each of them is one, or is a defect, or stray, or all are refused."""
    assert plan is not None
    assert kept(plan) == 14
    for sequence in plan.sequences:
        if sequence.detections:
            strays = sum(int(match[1]) for note in sequence.notes if (match := re.search(r"(\d+) lie on images that are not read", note)))
            lost = named(Plan([sequence], []), r"detections/.*: annotations\[(\d+)\]()?: ")
            assert len(sequence.read.public) + lost + strays == len(json.loads(path.read_bytes())["annotations"])


def check_vis(plan: Plan | None, path: Path) -> None:
    """Every mask and box is in an object, or it, its instance, or its image is a defect; every image is a frame or a defect."""
    if plan is None:
        return
    content, seen = json.loads(path.read_bytes()), lines_of(plan)
    lost = {int(match[1]) for line in seen if (match := re.search(r": annotations\[(\d+)\]: ", line))}
    entries = 0
    for place, item in enumerate(content["annotations"] or []):
        if place not in lost:
            columns = [item.get(name) or [None] * 3 for name in ("segmentations", "bboxes")]
            entries += sum(any(column[frame] not in (None, []) for column in columns) for frame in range(len(columns[0])))
    assert kept(plan) + named(plan, r": annotations\[(\d+)\], frame()? ") + counted(plan) == entries, seen


def check_mat(plan: Plan | None, path: Path) -> None:
    """A clip whose joints cannot be read is named; what is read has frames, all of them with the person or a defect."""
    for sequence in plan.sequences if plan else []:
        assert sequence.frames == 3 or sequence.defects
        assert len(sequence.annotation) == sequence.frames or sequence.defects, sequence.defects


def check_nothing(plan: Plan | None, path: Path) -> None:
    """A damaged seqinfo.ini costs no row."""
    assert plan is None or kept(plan) == 9


def check_archive(plan: Plan | None, path: Path) -> None:
    """What the archive's checksums let through is the original."""
    for sequence in plan.sequences if plan else []:
        assert plan is not None
        if sequence.ground_truth:
            assert kept(plan) + named(plan, r"gt/gt\.txt:(\d+)(?:-(\d+))?: ") == 9, lines_of(plan)
        check_read(sequence.frames, list(read(plan)))


def check_video(plan: Plan | None, path: Path) -> None:
    """Frames that were found but do not decode are named; rows on frames that were not found as well."""
    if plan is not None:
        assert kept(plan) + named(plan, r"gt/gt\.txt:(\d+)(?:-(\d+))?: ") == 12, lines_of(plan)
        check_read(plan.sequences[0].frames, list(read(plan)))


def read(plan: Plan) -> tuple[int, list[str]]:
    defects = Defects(plan.sequences[0].root, strict=False)
    try:
        count = sum(1 for _ in plan.sequences[0].read(80, defects))
    except UserError as error:
        return 0, [str(error)]
    return count, defects.lines


def check_read(expected: int, found: list[Any]) -> None:
    count, defects = found
    assert count == expected or defects


def people(root: Path) -> Path:
    crowdhuman(root, ["a", "b", "c"], ["d"])
    lines = [json.dumps({"ID": name, "gtboxes": [person(), person(40), person(70, tag="mask")]}) for name in "abc"]
    (root / "annotation_train.odgt").write_text("\n".join(lines) + "\n")
    return root


def film(root: Path, codec: str, name: str) -> Path:
    record(root / "a" / name, 12, codec=codec)
    (root / "a/gt").mkdir()
    (root / "a/gt/gt.txt").write_text("".join(f"{frame},1,{frame},20,12,30,1,1,1\n" for frame in range(1, 13)))
    return root


def archive(root: Path) -> Path:
    zipped(mot17(root / "in"), root / "set.zip")
    return root


def blanks(root: Path) -> Path:
    """Ground truth with blanks between its columns."""
    (mot17(root) / GT).write_text((root / GT).read_text().replace(",", " "))
    return root


def ten_columns(root: Path) -> Path:
    """Class and visibility among ten columns."""
    (mot17(root) / GT).write_text((root / GT).read_text().replace("\n", ",-1\n"))
    return root


def exported(root: Path) -> Path:
    """COCO as CVAT writes it: identities, angles and words in attributes, no videos, names with backslashes."""
    path = coco(root) / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    for place, item in enumerate(content["annotations"]):
        item["attributes"] = {"track_id": place % 2, "occluded": "true", "rotation": 30.0 * place}
    for image in content["images"]:
        image["file_name"] = f"val2017\\{image['file_name']}"
    path.write_text(json.dumps(content))
    return root


def unordered(root: Path) -> Path:
    """Scalabel's stills, keys with capitals."""
    path = bdd100k(root, together=True) / "labels/val.json"
    frames = json.loads(path.read_text())["frames"]
    for frame in frames:
        del frame["videoName"], frame["frameIndex"]
        for label in frame["labels"] or []:
            label["attributes"] = {"Crowd": "false"}
    path.write_text(json.dumps(frames))
    return root


def windows(root: Path) -> Path:
    """An archive with backslashes."""
    mot17(root / "in")
    with zipfile.ZipFile(root / "set.zip", "w") as out:
        for path in sorted(path for path in (root / "in").rglob("*") if path.is_file()):
            info = zipfile.ZipInfo("x")
            info.filename = path.relative_to(root / "in").as_posix().replace("/", "\\")
            out.writestr(info, path.read_bytes())
    return root


Harm = Callable[[random.Random, bytes], bytes]
Check = Callable[[Plan | None, Path], None]
# what is made, its kind, the root and the file that is harmed in it, how, how many times, what must hold
CASES: dict[str, tuple[Callable[[Path], Path], str, str, str, Harm, int, Check]] = {
    "gt": (mot17, "mot_challenge", "", GT, harm_text, 500, check_rows),
    "mots": (mots, "mot_challenge", "", "train/MOTS20-02/gt/gt.txt", lambda rng, raw: harm_text(rng, raw, b" "), 200, check_rows),
    "odgt": (people, "crowdhuman", "", "annotation_train.odgt", lambda rng, raw: _json_lines(rng, raw), 350, check_odgt),
    "seqinfo": (
        mot17,
        "mot_challenge",
        "",
        "train/MOT17-02-FRCNN/seqinfo.ini",
        lambda rng, raw: harm_text(rng, raw, b"="),
        250,
        check_nothing,
    ),
    "scalabel": (lambda root: bdd100k(root, together=True), "bdd100k", "", "labels/val.json", harm_json, 200, check_scalabel),
    "coco": (coco, "coco", "", "annotations/instances_val2017.json", harm_json, 100, check_coco),
    "coco_video": (coco_video, "coco", "", "annotations/train_cocoformat.json", harm_json, 200, check_coco),
    "otb": (otb, "otb", "", "Walking/groundtruth_rect.txt", harm_text, 100, check_lines),
    "posetrack": (posetrack, "posetrack", "", "annotations/val/000342_mpii_test.json", harm_json, 200, check_posetrack),
    "poses": (posetrack, "posetrack", "", "detections/000342_mpii_test.json", harm_json, 100, check_posetrack_whole),
    "youtube_vis": (youtube_vis, "youtube_vis", "", "train.json", harm_json, 200, check_vis),
    "mat": (jhmdb, "jhmdb", "", "joint_positions/catch/Ball_catch_u_f_cm_np1_fr_med_0/joint_positions.mat", harm_bytes, 100, check_mat),
    "puppets": (jhmdb, "jhmdb", "", f"puppet_mask/{BRUSH}/puppet_mask.mat", harm_bytes, 100, check_mat),
    "zip": (archive, "mot_challenge", "set.zip", "set.zip", harm_bytes, 100, check_archive),
    "blanks": (blanks, "mot_challenge", "", GT, lambda rng, raw: harm_text(rng, raw, b" "), 100, check_rows),
    "ten": (ten_columns, "mot_challenge", "", GT, harm_text, 100, check_rows),
    "cvat": (exported, "coco", "", "annotations/instances_val2017.json", harm_json, 100, check_coco),
    "stills": (unordered, "bdd100k", "", "labels/val.json", harm_json, 50, check_scalabel),
    "windows": (windows, "mot_challenge", "set.zip", "set.zip", harm_bytes, 50, check_archive),
    "webm": (lambda root: film(root, "libvpx", "a.webm"), "mot_challenge", "", "a/a.webm", harm_bytes, 50, check_video),
    "ts": (lambda root: film(root, "libx264", "a.ts"), "mot_challenge", "", "a/a.ts", harm_bytes, 50, check_video),
    "mp4": (lambda root: film(root, "libx264", "a.mp4"), "mot_challenge", "", "a/a.mp4", harm_bytes, 50, check_video),
    "avi": (lambda root: film(root, "mpeg4", "a.avi"), "mot_challenge", "", "a/a.avi", harm_bytes, 50, check_video),
}


def _json_lines(rng: random.Random, raw: bytes) -> bytes:
    """Harm to one line's JSON, or to the text."""
    if rng.random() < 0.4:
        return harm_text(rng, raw)
    lines = raw.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = harm_json(rng, lines[at])
    return b"\n".join(lines)


def test_more_than_three_thousand_files_are_tried() -> None:
    assert sum(case[5] for case in CASES.values()) == 3300


@pytest.mark.slow
@pytest.mark.parametrize(("name", "portion"), [(name, p) for name, case in CASES.items() for p in range(case[5] // PORTION)])
def test_no_damage_passes_unnoticed(name: str, portion: int, tmp_path: Path) -> None:
    make, kind, root, harmed, harm, _, check = CASES[name]
    folder = make(tmp_path / "set")
    path = folder / harmed
    whole = path.read_bytes()
    for number in range(portion * PORTION, (portion + 1) * PORTION):
        raw = harm(random.Random(f"{name} {number}"), whole)
        path.write_bytes(raw)
        try:
            check(whole_plan(kind, folder / root), path)
        except BaseException:
            (tmp_path / "harmed").write_bytes(raw)
            print(f"{name} {number}: the file is {tmp_path / 'harmed'}")
            raise
