"""The public data sets in small: the same files, names, columns and keys as theirs, over pictures of our own.

Every set holds people of 12x30 pixels in 160x120 pictures; person k stands at left 10 + 30 k + frame, top 20.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.files.indexed_images import write_indexed
from pipeline.files.posetrack_json import NAMES
from pipeline.sources.mots import LARGEST_SIDE
from tests.pipeline.recorded import HEIGHT, WIDTH, crowdhuman, record, write_image

INI = "[Sequence]\nname={name}\nimDir=img1\nframeRate=20\nseqLength={length}\nimWidth=160\nimHeight=120\nimExt=.jpg\n"


def box(person: int, frame: int) -> tuple[int, int, int, int]:
    """left, top, width, height."""
    return 10 + 30 * person + frame, 20, 12, 30


def rows(frames: int, people: int, tail: str) -> str:
    """MOTChallenge text; `tail` is what follows the box."""
    lines = [f"{frame},{k},{','.join(map(str, box(k, frame)))},{tail}" for k in range(1, people + 1) for frame in range(1, frames + 1)]
    return "\n".join(lines) + "\n"


def sequence(folder: Path, frames: int = 3, people: int = 2, tail: str = "1,1,1", width: int = 6, gt: str | None = None) -> Path:
    """A MOTChallenge sequence: img1, gt.txt and seqinfo.ini; `width` is that of the images' names."""
    for frame in range(1, frames + 1):
        write_image(folder / f"img1/{frame:0{width}d}.jpg", frame)
    put(folder / "gt/gt.txt", rows(frames, people, tail) if gt is None else gt)
    put(folder / "seqinfo.ini", INI.format(name=folder.name, length=frames))
    return folder


def put(path: Path, text: str) -> Path:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def zipped(folder: Path, archive: Path) -> Path:
    """Pack what is in a folder."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                out.write(path, path.relative_to(folder).as_posix())
    return archive


def mot15(root: Path) -> Path:
    """No classes: world coordinates instead; one row that is not scored."""
    sequence(root / "train/PETS09-S2L1", tail="1,-4.1,-7.3,0", gt=rows(3, 2, "1,-4.1,-7.3,0") + "3,9,100,20,12,30,0,-1.5,-2.0,0\n")
    return root


def mot17(root: Path, name: str = "MOT17-02-FRCNN") -> Path:
    """Classes and visibilities, distractors and vehicles, public detections, a test split."""
    extra = "1,11,100,20,12,30,0,8,0.4\n1,12,100,60,30,20,0,3,1\n2,13,70,60,12,30,0,7,0.2\n"
    folder = sequence(root / f"train/{name}", tail="1,1,0.75", gt=rows(3, 2, "1,1,0.75") + extra)
    put(folder / "det/det.txt", "1,-1,12.5,20,12,30,0.9\n3,-1,14,20,12,30,0.4\n")
    (folder.parents[1] / "test").mkdir()
    return root


def mot20(root: Path) -> Path:
    """As MOT17, with class 6 and 13."""
    sequence(root / "train/MOT20-01", gt=rows(3, 2, "1,1,1") + "1,31,100,20,12,30,0,6,1\n2,32,100,60,30,20,0,13,1\n")
    return root


def dancetrack(root: Path) -> Path:
    """Eight digits, constant class and visibility, lists of the splits with a heading."""
    for split, names in (("train", ("dancetrack0001", "dancetrack0002")), ("val", ("dancetrack0004",))):
        for name in names:
            sequence(root / split / name, width=8, people=3)
        put(root / f"{split}_seqmap.txt", "\n".join(["name", *names]) + "\n")
    return root


def sportsmot(root: Path) -> Path:
    """Splits one folder deeper, lists of splits and of sports."""
    for split, names in (("train", ("v_a_c001", "v_b_c002")), ("val", ("v_c_c003",))):
        for name in names:
            sequence(root / "dataset" / split / name)
        put(root / f"splits_txt/{split}.txt", "\n".join(names) + "\n")
    put(root / "splits_txt/basketball.txt", "v_b_c002\nv_c_c003\n")
    return root


def bft(root: Path) -> Path:
    """Images without a folder of their own, texts by name, every column after the box -1."""
    for split, name in (("train", "An3014"), ("test", "Ci1001")):
        for frame in (1, 2, 3, 4):
            write_image(root / split / name / f"{frame:06d}.jpg", frame)
        put(root / "annotations_mot" / split / f"{name}.txt", rows(4, 3, "-1,-1,-1,-1"))
    return root


def run_lengths(left: int, top: int, width: int, height: int) -> str:
    """A filled box in COCO's compressed run lengths over a 160x120 picture."""
    runs = [left * HEIGHT + top]
    for _ in range(width - 1):
        runs += [height, HEIGHT - height]
    runs += [height]
    return encode([*runs, WIDTH * HEIGHT - sum(runs)])


def encode(runs: Sequence[int]) -> str:
    """COCO's text of run lengths."""
    text = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            bits, value = value & 31, value >> 5
            more = not (value == 0 and not bits & 16) and not (value == -1 and bits & 16)
            text += chr(48 + bits + (32 if more else 0))
    return text


def mots(root: Path) -> Path:
    """MOTSChallenge: blanks between columns, masks, class 2 people, class 10 regions to ignore."""
    assert LARGEST_SIDE > WIDTH
    people = [f"{f} {2000 + k} 2 {HEIGHT} {WIDTH} {run_lengths(*box(k, f))}" for k in (1, 2) for f in (1, 2, 3)]
    crowd = [f"{f} 10000 10 {HEIGHT} {WIDTH} {run_lengths(100, 60, 40, 40)}" for f in (1, 2, 3)]
    sequence(root / "train/MOTS20-02", gt="\n".join([*people, *crowd]) + "\n")
    return root


def cvat(root: Path) -> Path:
    """Two exports of CVAT as they come: one with its images, one whose video lies beside it; labels in an order of their own."""
    inside = root.parent / "cvat-unpacked"
    for frame in (1, 2, 3):
        write_image(inside / f"img1/{frame:06d}.jpg", frame)
    put(inside / "gt/gt.txt", "".join(f"{f},1,{f},20,12,30,1,2,0.86\n{f},2,{60 + f},20,40,20,1,1,1.0\n" for f in (1, 2, 3)))
    put(inside / "gt/labels.txt", "car\nperson\n")
    zipped(inside, root / "task_7.zip")
    (inside / "gt/labels.txt").unlink()
    for frame in (1, 2, 3):
        (inside / f"img1/{frame:06d}.jpg").unlink()
    zipped(inside, root / "task_8.zip")
    record(root / "task_8.mp4", 3)
    return root


def scalabel(video: str, frames: int, people: int) -> list[dict[str, Any]]:
    """BDD100K's frames of one video."""
    found = []
    for index in range(frames):
        labels = []
        for k in range(1, people + 1):
            left, top, width, height = box(k, index + 1)
            corners = {"x1": left, "y1": top, "x2": left + width, "y2": top + height}
            attributes = {"occluded": False, "truncated": False, "crowd": False}
            category = "pedestrian" if k == 1 else "car"
            labels.append({"id": f"{k:08d}", "category": category, "attributes": attributes, "box2d": corners})
        found.append({"name": f"{video}-{index + 1:07d}.jpg", "videoName": video, "frameIndex": index, "labels": labels})
    return found


def bdd100k(root: Path, together: bool = False) -> Path:
    """Labels a video, or of all frames together."""
    videos = {"b1c66a42-6f7d68ca": scalabel("b1c66a42-6f7d68ca", 3, 2), "b1c81faa-3df17267": scalabel("b1c81faa-3df17267", 2, 3)}
    videos["b1c66a42-6f7d68ca"][1]["labels"] = None
    videos["b1c81faa-3df17267"][0]["labels"][0] |= {"attributes": {"crowd": True}, "category": "rider"}
    for name, frames in videos.items():
        for frame in frames:
            write_image(root / "images/track/val" / name / frame["name"], frame["frameIndex"])
        if not together:
            put(root / f"labels/box_track_20/val/{name}.json", json.dumps(frames))
    if together:
        put(root / "labels/val.json", json.dumps({"frames": [frame for frames in videos.values() for frame in frames], "config": {}}))
    return root


CATEGORIES = [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}, {"id": 18, "name": "dog"}]


def coco(root: Path) -> Path:
    """Stills: instances with a crowd region and a dog."""
    images = [{"id": key, "file_name": f"{key:012d}.jpg", "width": WIDTH, "height": HEIGHT} for key in (139, 285, 632)]
    boxes = [(139, 1, 0), (139, 3, 0), (285, 1, 1), (632, 18, 0)]
    annotations = [
        {"id": place, "image_id": image, "category_id": category, "bbox": [10.5, 20, 12, 30], "area": 360, "iscrowd": crowd}
        for place, (image, category, crowd) in enumerate(boxes)
    ]
    for image in images:
        write_image(root / "val2017" / str(image["file_name"]))
    put(
        root / "annotations/instances_val2017.json",
        json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES, "info": {}}),
    )
    return root


def coco_video(root: Path) -> Path:
    """CocoVID: frames from 0, identities by instance_id, visibility, frames a second of one video."""
    videos = [{"id": 1, "name": "MOT17-02-FRCNN", "fps": 30}, {"id": 2, "name": "val/MOT17-04"}]
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video, folder, count in ((1, "MOT17-02-FRCNN/img1", 3), (2, "val/MOT17-04/img1", 2)):
        for index in range(count):
            name = f"{folder}/{index + 1:06d}.jpg"
            write_image(root / "images" / name, index)
            sizes = {"width": WIDTH, "height": HEIGHT}
            images.append({"id": len(images) + 1, "file_name": name, "video_id": video, "frame_id": index, **sizes})
            for k in (1, 2):
                mark = {"instance_id": k, "category_id": 1, "visibility": 0.25 * k, "iscrowd": False}
                annotations.append({"id": len(annotations) + 1, "image_id": len(images), "bbox": list(box(k, index + 1)), **mark})
    whole = {"videos": videos, "images": images, "annotations": annotations, "categories": CATEGORIES[:1]}
    put(root / "annotations/train_cocoformat.json", json.dumps(whole))
    return root


def otb(root: Path) -> Path:
    """Two videos: one object by commas, who is not seen in the last frame; two objects by tabs."""
    for name, numbers, separator in (("Walking", ("",), ","), ("Jogging", (".1", ".2"), "\t")):
        for frame in range(1, 4):
            write_image(root / name / f"img/{frame:04d}.jpg", frame)
        for place, number in enumerate(numbers, 1):
            boxes = [(left + 1, top + 1, *size) for left, top, *size in (box(place, frame) for frame in range(1, 4))]
            lines = [separator.join(map(str, values)) for values in boxes]
            lines[-1] = separator.join("0000") if name == "Walking" else lines[-1]
            put(root / name / f"groundtruth_rect{number}.txt", "\n".join(lines) + "\n")
    return root


def davis(root: Path) -> Path:
    """One video at two resolutions and a second one: two objects, a strip that is not scored, and a list of videos."""
    for name in ("bear", "camel"):
        for frame in range(3):
            write_image(root / "JPEGImages/480p" / name / f"{frame:05d}.jpg", frame)
            numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
            for k in (1, 2):
                left, top, width, height = box(k, frame + 1)
                numbers[top : top + height, left : left + width] = k
            numbers[100:110, 20:40] = 255
            (root / "Annotations/480p" / name).mkdir(parents=True, exist_ok=True)
            write_indexed(root / "Annotations/480p" / name / f"{frame:05d}.png", numbers)
    write_image(root / "JPEGImages/Full-Resolution/bear/00000.jpg")
    put(root / "ImageSets/2017/val.txt", "camel\n")
    return root


def joints(person: int, frame: int) -> list[int]:
    """x, y and mark of PoseTrack 2018's joints: the ears are not annotated, the last one is hidden."""
    left, top, _, _ = box(person, frame)
    found = [[left + place % 4 * 4, top + place, 1] for place in range(17)]
    found[3] = found[4] = [0, 0, 0]
    found[16][2] = 0
    return [value for joint in found for value in joint]


def posetrack_images(video: str, frames: int) -> list[dict[str, Any]]:
    """The images of a video: those before the last are labelled, with a region to ignore in the first."""
    folder, key = f"images/val/{video}", int(video[:6]) * 10000 + 10**10
    found: list[dict[str, Any]] = []
    for frame in range(frames):
        facts = {"vid_id": video[:6], "nframes": frames, "frame_id": key + frame, "id": key + frame, "has_no_densepose": True}
        regions = {"ignore_regions_x": [[100, 140, 140, 100]], "ignore_regions_y": [[60, 60, 100, 100]]} if frame == 0 else {}
        found.append({"file_name": f"{folder}/{frame:06d}.jpg", "is_labeled": frame < frames - 1, **facts, **regions})
    return found


def posetrack(root: Path) -> Path:
    """Two videos of four images, three of them labelled, with two people; poses of a detector for one."""
    category = {"supercategory": "person", "id": 1, "name": "person", "keypoints": list(NAMES), "skeleton": [[16, 14]]}
    for video in ("000342_mpii_test", "000522_mpii_test"):
        images, people, found = posetrack_images(video, 4), list[dict[str, Any]](), list[dict[str, Any]]()
        for frame, image in enumerate(images):
            write_image(root / image["file_name"], frame)
            for k in (1, 2) if image["is_labeled"] else ():
                item = {"image_id": image["id"], "keypoints": joints(k, frame + 1), "category_id": 1, "id": image["id"] * 100 + k}
                people.append(item | {"track_id": k - 1, "bbox": list(box(k, frame + 1)), "bbox_head": [10, 20, 6, 8], "scores": []})
                found.append(item | {"track_id": 7, "bbox": list(box(k, frame + 1)), "scores": [0.25 * k] * 17})
        put(root / f"annotations/val/{video}.json", json.dumps({"images": images, "annotations": people, "categories": [category]}))
        if video.startswith("000342"):
            said = [{"file_name": image["file_name"], "id": image["id"]} for image in images]
            put(root / f"detections/{video}.json", json.dumps({"images": said, "annotations": found, "categories": [category]}))
    return root


def jhmdb(root: Path) -> Path:
    """Two clips of two classes, joints from pixel 1, masks of one clip, and a split."""
    for kind, clip, masks in (
        ("brush_hair", "April_09_brush_hair_u_nm_np1_ba_goo_0", True),
        ("catch", "Ball_catch_u_f_cm_np1_fr_med_0", False),
    ):
        places, seen = np.zeros((2, 15, 3)), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for frame in (1, 2, 3):
            write_image(root / f"Rename_Images/{kind}/{clip}/{frame:05d}.png", frame)
            left, top, width, height = box(1, frame)
            places[0, :, frame - 1] = left + 1 + np.arange(15) % 4 * 3
            places[1, :, frame - 1] = top + 1 + np.arange(15) * 2
            seen[top : top + height, left : left + width, frame - 1] = 1
        facts = {"pos_world": places / 100, "scale": np.ones((1, 3)), "viewpoint": "S"}
        save(root / f"joint_positions/{kind}/{clip}/joint_positions.mat", {"pos_img": places, **facts})
        if masks:
            save(root / f"puppet_mask/{kind}/{clip}/puppet_mask.mat", {"part_mask": seen})
        put(root / f"splits/{kind}_test_split1.txt", f"{clip}.avi {1 + masks} \n")
    return root


def save(path: Path, arrays: dict[str, Any]) -> None:
    """Write a file of MATLAB's."""
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, arrays)


VIS_CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "giant_panda"}, {"id": 3, "name": "lizard"}]


def youtube_vis(root: Path) -> Path:
    """Two videos of three images, a person in all of them as run lengths and a panda in the first two as polygons; lizards nowhere."""
    videos, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for key, name in ((1, "003234408d"), (2, "0043f083b5")):
        files = [f"{name}/{5 * place:05d}.jpg" for place in range(3)]
        for place, file in enumerate(files):
            write_image(root / "train/JPEGImages" / file, place)
        videos.append({"id": key, "width": WIDTH, "height": HEIGHT, "length": 3, "file_names": files, "license": 1})
        for k in (1, 2):
            boxes = [list(box(k, frame)) if frame < 3 or k == 1 else None for frame in (1, 2, 3)]
            shapes = [None if sides is None else _shape(sides, k == 1) for sides in boxes]
            facts = {"id": 2 * key + k, "video_id": key, "category_id": k, "iscrowd": 0, "height": HEIGHT, "width": WIDTH, "length": 1}
            annotations.append({**facts, "segmentations": shapes, "bboxes": boxes, "areas": [sides and 360 for sides in boxes]})
    put(root / "train.json", json.dumps({"info": {}, "videos": videos, "annotations": annotations, "categories": VIS_CATEGORIES}))
    return root


def _shape(sides: list[int], runs: bool) -> Any:
    left, top, width, height = sides
    corners = [left, top, left + width, top, left + width, top + height, left, top + height]
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(left, top, width, height)} if runs else [corners]


def videos(root: Path) -> Path:
    """A bare folder: two videos, one deeper, and images without numbers to go by."""
    record(root / "square.mp4", 4)
    record(root / "night/gate.avi", 3, codec="mpeg4")
    for name in ("left", "right"):
        write_image(root / f"pictures/{name}.png")
    return root


def people(root: Path) -> Path:
    """CrowdHuman, of two splits."""
    return crowdhuman(root, ["273271,c9db000d5146c15", "b"], ["d"])


MADE: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "MOT15": ("mot_challenge", mot15),
    "MOT16, MOT17": ("mot_challenge", mot17),
    "MOT20": ("mot_challenge", mot20),
    "MOTS": ("mot_challenge", mots),
    "DanceTrack": ("mot_challenge", dancetrack),
    "SportsMOT": ("mot_challenge", sportsmot),
    "BFT": ("mot_challenge", bft),
    "CVAT, MOT export": ("mot_challenge", cvat),
    "CrowdHuman": ("crowdhuman", people),
    "BDD100K tracking, one file per video": ("bdd100k", bdd100k),
    "BDD100K tracking, one file": ("bdd100k", lambda root: bdd100k(root, together=True)),
    "COCO, stills": ("coco", coco),
    "COCO with videos": ("coco", coco_video),
    "OTB": ("otb", otb),
    "DAVIS": ("davis", davis),
    "PoseTrack 2018": ("posetrack", posetrack),
    "JHMDB": ("jhmdb", jhmdb),
    "YouTube-VIS": ("youtube_vis", youtube_vis),
    "videos and images": ("folder", videos),
}
