"""Pedestrians and cyclists from the renderer's gt.txt to metrics.json, through a system of two classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.artifacts.publication import Publication
from pipeline.feeding.loader import ClipDataset, Feed, build_loader
from pipeline.files import depth_codec, model_folder
from pipeline.files.depths import DepthRow
from pipeline.files.frames import FrameWriter, read_frames
from pipeline.files.mot_text import read_rows
from pipeline.files.observations import read_sequence
from pipeline.files.sample_writer import SampleWriter
from pipeline.files.schema import Extras
from pipeline.packing.samples import Shape, pack
from pipeline.params.sections.data import Source
from pipeline.scoring import tables
from pipeline.scoring.network import score_network
from pipeline.scoring.sequences import from_frames
from pipeline.scoring.tracking import score
from pipeline.sources import plan
from pipeline.sources.defects import Defects
from pipeline.tracking.association import retrack
from pipeline.tracking.sequences import Job, Outputs, track_sequence
from pipeline.walkers import tasks
from tests.pipeline.tiny import AUGMENT, TRAINING
from tests.pipeline.walkers.settings import tiny
from tests.toys.two_classes import SPEC, Options

CLASSES = ("pedestrian", "cyclist")
WIDTH, HEIGHT, FRAMES, STEPS = 192, 128, 12, 45
STILL = AUGMENT.model_copy(update=dict.fromkeys(("rotate", "translate", "shear", "flip", "saturation", "value"), 0.0))


@dataclass(frozen=True)
class World:
    """A rendered sequence as frames and samples, and the toy trained on it."""

    frames: Path
    feed: Feed
    model: Path
    losses: list[float]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("two-classes")
    frames = extracted(rendered(root), root)
    feed = packed(frames, root / "samples")
    assert SPEC.training is not None
    network = SPEC.build_network(Options())
    task = SPEC.training.build_task(network, Options(), feed.system_settings, 0)
    optimiser, losses = torch.optim.Adam(task.parameters(), 1e-2), []
    loader, batches = build_loader(feed, rank=0, workers=1, pin_memory=False)
    for epoch in range(STEPS // 3):
        batches.epoch = epoch
        for batch in loader:
            loss = task(batch)
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
            losses.append(float(loss.terms["centres"]))
    model = root / "model"
    model.mkdir()
    model_folder.save(network, model / model_folder.WEIGHTS)
    model_folder.ModelCard("two_classes", {}, WIDTH, HEIGHT, "f", CLASSES).write(model / model_folder.CARD)
    return World(frames, feed, model, losses)


def rendered(root: Path) -> Path:
    section = tiny(sequences=1, frames=FRAMES, people=3, cyclists=2, stills_train=0, stills_val=0, masks=True, joints=True)
    publication = Publication(root / "walkers", "render_walkers", "0" * 64)
    for task in tasks.plan(publication, section, 1):
        tasks.perform(task)
    return Path(str(publication.partial)) / "sequences"


def extracted(folder: Path, root: Path) -> Path:
    source = Source(name="walkers", kind="mot_challenge", root=str(folder), sequences=None, images_per_file=64)
    (sequence,) = plan([source], data_root="", root=root, strict=True).sequences
    path = root / "walkers-01.parquet"
    with FrameWriter(path, {"frame_rate": 15.0}, extras=Extras(True, 17, False, True, 17)) as writer:
        for frame in sequence.read(95, Defects(folder, True)):
            writer.write(frame)
    return path


def packed(frames: Path, folder: Path, *, masks: bool = False) -> Feed:
    (folder / "walkers").mkdir(parents=True)
    shape = Shape(WIDTH, HEIGHT, 4, 95, 1 << 20, 1 << 28, CLASSES, masks)
    png, scale = depth_codec.encode(np.zeros((32, 48), np.float32))
    path, extras = folder / "walkers" / "s-00000.arrow", Extras(masks)
    with SampleWriter(path, row_group_bytes=1 << 20, facts={"kind": "video"}, extras=extras) as writer:
        for frame in read_frames(frames):
            depth = DepthRow(frame.dataset, frame.sequence, frame.frame, png, scale, np.zeros(len(frame.objects), np.float32))
            writer.add(pack(frame, depth, shape, video=True, where="walkers", extras=extras))
    settings = TRAINING.model_copy(update={"model": {}, "augment": STILL.model_copy(update={"scale_min": 1.0, "scale_max": 1.0})})
    return Feed(SPEC, Options(), settings, folder, seed=0, width=WIDTH, height=HEIGHT, depth_stride=4, classes=CLASSES)


def tracked(world: World, out: Path, **changes: Any) -> Job:
    outputs = Outputs(*(Publication(out / name, "track", "f" * 12) for name in ("tracks", "observations", "speed")))
    job = Job(
        "walkers-01", world.frames, 1, FRAMES, 15.0, False, SPEC, Options(), world.model, 4, 1, outputs, classes=CLASSES, **changes
    )  # fmt: skip
    track_sequence(job)
    return job


def test_frames_carry_masks_joints_and_class_numbers(world: World) -> None:
    kinds = set()
    for frame in read_frames(world.frames):
        objects = frame.objects
        kinds |= set(objects.classes.tolist())
        assert objects.masks is not None
        assert objects.keypoints is not None
        assert objects.keypoints.shape == (len(objects), 17, 3)
        assert [mask is not None for mask in objects.masks] == (objects.visibilities > 0).tolist()
        assert frame.public_keypoints is not None
        assert frame.public_keypoints.shape == (len(frame.public_boxes), 17, 3)
    assert kinds == {1, 18}


def test_training_sees_both_classes_and_learns(world: World) -> None:
    dataset = ClipDataset(world.feed)
    seen = np.concatenate([dataset.stored(row).classes for row in range(FRAMES)])
    assert set(seen.tolist()) == {0, 1}
    heat = np.sum([dataset.item((0, row)).targets["heat"] for row in range(FRAMES)], axis=(0, 2, 3))
    assert (heat > 0).all()
    assert np.mean(world.losses[-6:]) < 0.5 * np.mean(world.losses[:6])


def test_classes_reach_result_text_observations_and_metrics(world: World, tmp_path: Path) -> None:
    job = tracked(world, tmp_path)
    text = job.outputs.tracks.path("walkers-01.txt")
    assert set(read_rows(text, kind="results").class_id.tolist()) == {1, 18}
    observed = job.outputs.observations.path("walkers-01.parquet")
    assert read_sequence(observed).classes == CLASSES
    retrack(observed, SPEC, Options(), tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == text.read_bytes()
    sequence = from_frames(world.frames, job.outputs.tracks.partial)
    network = score_network([sequence], job.outputs.observations.partial, "classes", 0.5, CLASSES)
    found = tables.document(score([sequence], "classes", CLASSES), "classes", network)
    assert list(found["classes"]) == list(found["detection"]["classes"]) == list(CLASSES)
    assert found["mean"]["HOTA"] == pytest.approx(np.mean([part["HOTA"] for part in found["classes"].values()]), abs=1e-3)
    assert min(part["DetA"] for part in found["classes"].values()) > 10, "it was trained on these very frames"


def test_association_by_the_truth_knows_classes(world: World, tmp_path: Path) -> None:
    job = tracked(world, tmp_path, oracle=True, true_identities=True)
    scores = score([from_frames(world.frames, job.outputs.tracks.partial)], "classes", CLASSES)
    assert {name: part.HOTA for name, part in scores.classes.items()} == {"pedestrian": 100, "cyclist": 100}


def test_boxes_of_the_truth_keep_their_classes(world: World, tmp_path: Path) -> None:
    job = tracked(world, tmp_path, oracle=True)
    scores = score([from_frames(world.frames, job.outputs.tracks.partial)], "classes", CLASSES)
    assert {name: part.DetA for name, part in scores.classes.items()} == {"pedestrian": 100, "cyclist": 100}
