"""The pieces of the data set that run as tasks: one sequence, or a batch of stills, written whole or done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.artifacts.publication import Publication
from pipeline.files.video import VideoWriter
from pipeline.params.sections.data import RenderWalkers
from pipeline.runtime.malloc import keep_freed_memory
from pipeline.walkers import labels, masks, poses, stills
from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found, detect
from pipeline.walkers.people import Image
from pipeline.walkers.render import Labels, render
from pipeline.walkers.scene import Scene, sample_sequence, sample_still
from pipeline.walkers.shape_detector import detect_masks, detect_poses

DEPTH_SCALE = 0.001  # metres per step of the 16-bit depth files
STILLS_PER_TASK = 24
VIDEO_QUALITY = 19  # x264's constant rate factor
BYTES_PER_PIXEL = 0.35  # of a JPEG frame with its depth at quality 90, for the disk check


@dataclass(frozen=True)
class Task:
    """One unit of rendering.

    Attributes:
        publication: the folder in the making.
        section: the stage's parameters.
        seed: of the whole data set.
        kind: `sequence`, or the half of the stills: `train` or `val`.
        first: 1-based number of the sequence or first still.
        count: frames or stills.
    """

    publication: Publication
    section: RenderWalkers
    seed: int
    kind: str
    first: int
    count: int

    @property
    def marker(self) -> str:
        """The part that is written last; when it is done, the task is."""
        if self.kind == "sequence":
            return f"sequences/{sequence_name(self.first)}/gt/gt.txt"
        return f"stills/{self.kind}-{self.first:06d}.odgt"


def plan(publication: Publication, section: RenderWalkers, seed: int) -> list[Task]:
    """All tasks of the data set, the longest first."""
    tasks = [Task(publication, section, seed, "sequence", number, section.frames) for number in range(1, section.sequences + 1)]
    for kind, total in (("train", section.stills_train), ("val", section.stills_val)):
        for first in range(1, total + 1, STILLS_PER_TASK):
            tasks.append(Task(publication, section, seed, kind, first, min(STILLS_PER_TASK, total - first + 1)))
    return tasks


def sequence_name(number: int) -> str:
    """`walkers-01` for 1; odd ones are video files, even ones image folders."""
    return f"walkers-{number:02d}"


def is_moving(number: int, share: float) -> bool:
    """Whether the camera of sequence `number` moves, so that a share of the sequences, spread evenly, does."""
    return int(np.floor(number * share + 1e-9)) > int(np.floor((number - 1) * share + 1e-9))


def is_coco(section: RenderWalkers) -> bool:
    """Whether stills are annotated as COCO: CrowdHuman's format knows boxes of people alone."""
    return section.stills_kind == "coco"


def perform(task: Task) -> None:
    """Render what a task names, unless it is done already.

    Raises:
        UserError: the disk is full.
    """
    cv2.setNumThreads(1)
    keep_freed_memory()
    if task.publication.done(task.marker):
        return
    with task.publication.write(task.marker) as marker:
        text = _sequence(task) if task.kind == "sequence" else _stills(task)
        marker.write_text(text)


def join_stills(publication: Publication, tasks: list[Task]) -> None:
    """Join the annotations of the batches into one file for each half, and remove the batches' own.

    They are CrowdHuman's annotation_train.odgt and annotation_val.odgt; where there is more than that format holds (cyclists, masks,
    joints), COCO's annotations/train.json and val.json.
    """
    for kind in ("train", "val"):
        batches = [task for task in tasks if task.kind == kind]
        if not batches:
            continue
        section, texts = batches[0].section, [publication.path(task.marker).read_text() for task in batches]
        name = f"stills/annotations/{kind}.json" if is_coco(section) else f"stills/annotation_{kind}.odgt"
        with publication.write(name) as path:
            path.write_text(stills.document(texts, section) if is_coco(section) else "".join(texts))
    for task in tasks:
        if task.kind != "sequence":
            publication.path(task.marker).unlink()


def _sequence(task: Task) -> str:
    """Write frames, depth, detections, shapes and seqinfo.ini; returns the text of gt.txt."""
    section, name = task.section, sequence_name(task.first)
    scene = sample_sequence(section, task.seed, name, moving=is_moving(task.first, section.moving_camera))
    rng = np.random.default_rng([*scene.seed, 2])
    truth, found = [], []
    with task.publication.write_folder(f"sequences/{name}", task.marker) as folder:
        with _frames(task, folder, name) as append:
            for number, frame in enumerate(render(scene, joints=section.joints), start=1):
                append(frame.image)
                _write_depth(folder / "depth" / f"{number:06d}.png", frame.depth)
                truth.append(labels.kept(frame.labels))
                found.append(detect(rng, truth[-1], scene.cameras[number - 1]))
        _write(folder / "depth" / "scale.txt", f"{DEPTH_SCALE}\n".encode())
        _write(folder / "det" / "det.txt", labels.detections(found).encode())
        for file, text in _shapes(task, scene, truth, found).items():
            _write(folder / file, text.encode())
        facts = labels.sequence_facts(name, section.frame_rate, section.frames, section.width, section.height)
        _write(folder / "seqinfo.ini", facts.encode())
    return labels.ground_truth(truth)


def _shapes(task: Task, scene: Scene, truth: list[Labels], found: list[Found]) -> dict[str, str]:
    """Texts of the files with masks and joints, as far as they are asked for."""
    section, texts = task.section, dict[str, str]()
    size = section.height, section.width
    if section.masks:
        rng = np.random.default_rng([*scene.seed, 4])
        shown = [detect_masks(rng, there, seen, *size) for there, seen in zip(truth, found, strict=True)]
        texts |= {"gt/mots.txt": masks.true_masks(truth, *size), "det/mots.txt": masks.found_masks(found, shown, *size)}
    if section.joints:
        rng = np.random.default_rng([*scene.seed, 5])
        posed = [detect_poses(rng, there, seen) for there, seen in zip(truth, found, strict=True)]
        texts["gt/poses.json"] = poses.true_poses(truth, task.first)
        texts["det/poses.json"] = poses.found_poses(found, posed, task.first)
    return texts


def _stills(task: Task) -> str:
    """Write images and depth of a batch; returns its lines of annotation."""
    lines = []
    with task.publication.write_folder("stills", task.marker) as folder:
        for number in range(task.first, task.first + task.count):
            name = f"{task.kind}-{number:06d}"
            scene: Scene = sample_still(task.section, task.seed, name)
            frame = next(iter(render(scene, joints=task.section.joints)))
            _write(folder / "Images" / f"{name}.jpg", _jpeg(frame.image, task.section.jpeg_quality))
            _write_depth(folder / "depth" / f"{name}.png", frame.depth)
            there = labels.kept(frame.labels)
            if is_coco(task.section):
                lines.append(stills.record(name, number, there, task.section))
            else:
                lines.append(labels.annotation(name, there))
        _write(folder / "depth" / "scale.txt", f"{DEPTH_SCALE}\n".encode())
    return "".join(lines)


@contextmanager
def _frames(task: Task, folder: Path, name: str) -> Iterator[Callable[[Image], None]]:
    """What takes the frames: a video for odd sequences, img1/ for even ones."""
    section = task.section
    if task.first % 2:
        folder.mkdir(parents=True, exist_ok=True)
        with VideoWriter(folder / f"{name}.mp4", section.frame_rate, VIDEO_QUALITY) as writer:
            yield lambda image: writer.write(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
        return
    written = 0

    def write_image(image: Image) -> None:
        nonlocal written
        written += 1
        _write(folder / "img1" / f"{written:06d}.jpg", _jpeg(image, section.jpeg_quality))

    yield write_image


def _jpeg(image: Image, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _write_depth(path: Path, depth: Array) -> None:
    code = np.clip(np.rint(depth / DEPTH_SCALE), 1, 65535).astype(np.uint16)
    _write(path, bytes(cv2.imencode(".png", code, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
