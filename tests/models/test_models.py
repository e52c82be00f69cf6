"""What holds for every system: it trains unless it is frozen, saves, loads, sees an empty frame and starts each sequence afresh."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_model, save_model

import models
from models.embedding.objectives import OBJECTIVES
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame, to_float
from pipeline.contract.detections import Detections, names_of
from pipeline.contract.spec import ModelSpec, Training
from pipeline.contract.tracks import Video
from pipeline.errors import UserError
from pipeline.files.observations import Observation, ObservationWriter, read_sequence
from pipeline.tracking.asked import part_of
from pipeline.tracking.association import Follower
from tests.models.centertrack import samples as centertrack
from tests.models.fdta import samples as fdta
from tests.models.finetrack import samples as finetrack
from tests.models.outrack import samples
from tests.models.qdtrack import samples as qdtrack
from tests.models.unitrack import samples as unitrack
from tests.pipeline.tiny import settings_of

# the smallest options of each system, in each of its variants, and a batch with every kind of frame that training meets
VIDEO = Video(25.0, 96, 64)
IDENTITIES = 12  # more than any batch below names
SMALL: dict[str, tuple[str, Callable[[], Any], Callable[[Any], Batch]]] = {
    f"outrack-{reid}": ("outrack", partial(samples.small_options, loss={"reid": reid}), samples.mixed_batch) for reid in OBJECTIVES
} | {
    "centertrack": ("centertrack", centertrack.small_options, centertrack.mixed_batch),
    "qdtrack": ("qdtrack", qdtrack.small_options, qdtrack.mixed_batch),
    "qdtrack-utrack": ("qdtrack", partial(qdtrack.small_options, loss={"reid": "utrack"}), qdtrack.mixed_batch),
    # without an embedding, but with classes and a look back
    "qdtrack-none": (
        "qdtrack",
        partial(qdtrack.small_options, classes=2, loss={"reid": "none"}, tracker={"cues": ["iou", "regression"]}),
        qdtrack.mixed_batch,
    ),
    "unitrack": ("unitrack", unitrack.small_options, unitrack.mixed_batch),
    "fdta": ("fdta", partial(fdta.small_options, tracker={"detection_threshold": 0.005, "birth_threshold": 0.006}), fdta.mixed_batch),
    "finetrack": ("finetrack", finetrack.small_options, finetrack.mixed_batch),
    # the whole box alone, without alignment
    "finetrack-whole": ("finetrack", partial(finetrack.small_options, parts=0, alignment="none"), finetrack.mixed_batch),
}


@pytest.fixture(params=list(SMALL))
def system(request: pytest.FixtureRequest) -> tuple[ModelSpec, Any, Batch]:
    name, options, batch = SMALL[request.param]
    torch.manual_seed(0)
    made = options()
    return models.load(name), made, batch(made)


def training_of(spec: ModelSpec) -> Training[Any, Any, Any]:
    """How a system is trained; a frozen one is excused."""
    if spec.training is None:
        pytest.skip(f"{spec.name} is never trained")
    return spec.training


def frames_of(spec: ModelSpec, options: Any) -> int:
    """Frames of a training sample."""
    return training_of(spec).samples(options, settings_of(), "finetune").frames


def collated(spec: ModelSpec, options: Any, clips: list[TrainingClip]) -> Batch:
    """A batch of the system's own targets."""
    made = [training_of(spec).make_targets(clip, options) for clip in clips]
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, targets, torch.tensor([clip.same_scene for clip in clips]))


def task_of(spec: ModelSpec, options: Any, id_weight: float = 1.0) -> torch.nn.Module:
    """The task of a random network."""
    settings = settings_of(id_weight=id_weight)
    return training_of(spec).build_task(spec.build_network(options), options, settings, IDENTITIES)


def seen_by(spec: ModelSpec, options: Any, images: torch.Tensor) -> list[Detections]:
    """What a random network detects, or, where it detects nothing by itself, what it says about people's boxes."""
    with torch.no_grad():
        network = spec.build_network(options).eval()
        outputs = network(images)
        if spec.detection.decode is not None:
            return list(spec.detection.decode(network, outputs, options))
        boxes, count = np.array(samples.PEOPLE, np.float32), len(samples.PEOPLE)
        scores, classes = np.linspace(1, 0.6, count, dtype=np.float32), np.zeros(count, np.int64)
        told = ([array] * len(images) for array in (boxes, scores, classes))
        return list(spec.detection.describe(network, outputs, *told, options))


def test_every_system_is_tested() -> None:
    assert {name for name, _, _ in SMALL.values()} == set(models.SYSTEMS)


@pytest.mark.parametrize("id_weight", [1.0, 0.0])
def test_losses_are_finite_and_gradients_reach_every_parameter(system: tuple[ModelSpec, Any, Batch], id_weight: float) -> None:
    spec, options, batch = system
    task = task_of(spec, options, id_weight)
    losses = task(batch)
    losses.total.backward()
    assert losses.total.shape == ()
    assert all(torch.isfinite(value).all() for value in losses.terms.values())
    assert [name for name, p in task.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_empty_frames_alone_give_a_finite_loss(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, _ = system
    empty = TrainingFrame(
        np.zeros((64, 96, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool), depth=None
    )
    batch = collated(spec, options, [TrainingClip((empty,) * frames_of(spec, options))] * 2)
    task = task_of(spec, options)
    total = task(batch).total
    total.backward()
    assert torch.isfinite(total)
    assert [name for name, p in task.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


def test_saved_and_loaded_networks_agree_to_the_bit(system: tuple[ModelSpec, Any, Batch], tmp_path: Path) -> None:
    spec, options, batch = system
    first, second = spec.build_network(options).eval(), spec.build_network(options).eval()
    save_model(first, str(tmp_path / "weights.safetensors"))
    load_model(second, tmp_path / "weights.safetensors")
    images = to_float(batch.images[:, 0])
    with torch.no_grad():
        for one, other in zip(first(images), second(images), strict=True):
            assert (one is None and other is None) or torch.equal(one, other)


def test_detections_keep_the_contract(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, batch = system
    found = seen_by(spec, options, to_float(batch.images[:, 0]))
    assert len(found) == len(batch.images)
    for seen in found:
        assert seen.boxes.dtype == seen.scores.dtype == seen.embeddings.dtype == np.float32
        assert seen.boxes.shape == (len(seen.scores), 4)
        assert (np.diff(seen.scores) <= 0).all()
        assert seen.embeddings.shape == (len(seen.scores), found[0].embeddings.shape[1])
        assert seen.classes.dtype == np.int64
        assert len(seen.classes) == len(seen.scores)
        if seen.embeddings.shape[1] and spec.detection.similarity == "cosine":  # none without re-identification
            assert np.linalg.norm(seen.embeddings, axis=1) == pytest.approx(np.ones(len(seen.scores)), abs=1e-5)
    given = [seen.boxes[:2] for seen in found]
    scores = [np.linspace(1, 0.5, len(boxes), dtype=np.float32) for boxes in given]
    kinds = [np.zeros(len(boxes), np.int64) for boxes in given]
    with torch.no_grad():
        network = spec.build_network(options).eval()
        described = spec.detection.describe(network, network(to_float(batch.images[:, 0])), given, scores, kinds, options)
    for seen, boxes, own in zip(described, given, scores, strict=True):
        assert type(seen) is type(found[0]) is spec.detection.kind
        assert (seen.boxes.tolist(), seen.scores.tolist()) == (boxes.tolist(), own.tolist())
        assert seen.embeddings.shape == (len(boxes), found[0].embeddings.shape[1])
    for seen in [*found, *described]:
        assert (seen.part_masks is not None) is spec.detection.part_masks(options)
        if seen.part_masks is not None:
            assert (seen.part_masks.dtype, seen.part_masks.ndim, len(seen.part_masks)) == (np.float32, 4, len(seen.boxes))
            assert ((seen.part_masks >= 0) & (seen.part_masks <= 1)).all()


def test_memory_changes_what_the_next_frame_shows(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, batch = system
    remember = spec.detection.remember(options)
    if remember is None:
        pytest.skip("sees every frame alone")
    assert spec.detection.decode is not None
    network = spec.build_network(options).eval()
    before, now = to_float(batch.images[:1, 0]), to_float(batch.images[:1, 1])
    with torch.no_grad():
        memory = remember(before, spec.detection.decode(network, network(before), options)[0])
        assert memory.shape[0] == 1
        pairs = zip(network(now, memory), network(now), strict=True)
        assert any((one is None) != (other is None) or (one is not None and not torch.equal(one, other)) for one, other in pairs)


def test_what_detections_depend_on_are_options_of_the_tracker(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, _ = system
    assert set(spec.detection.decodes_with(options)) <= set(type(options.tracker).model_fields)


def test_what_a_tracker_gets_survives_a_file(system: tuple[ModelSpec, Any, Batch], tmp_path: Path) -> None:
    spec, options, batch = system
    found = [seen.moved(0.7, 3.0, 1.0).above(0.05) for seen in seen_by(spec, options, to_float(batch.images[:, 0]))]
    found.append(found[0].above(np.inf))  # a frame without anything
    nobody = np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 1), np.float32)
    with ObservationWriter(tmp_path / "s.parquet", sequence="s", width=96, height=64, frame_rate=25.0) as writer:
        for number, seen in enumerate(found, 1):
            writer.write(Observation(number, seen, *nobody))
    for item, seen in zip(read_sequence(tmp_path / "s.parquet", spec.detection.kind).frames, found, strict=True):
        for name in names_of(spec.detection.kind):
            np.testing.assert_array_equal(getattr(item.detections, name), getattr(seen, name), strict=True)
        if seen.part_masks is not None:
            assert item.detections.part_masks is not None
            np.testing.assert_allclose(item.detections.part_masks, seen.part_masks, atol=0.5 / 255)


def test_trackers_own_their_identities(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, batch = system
    (seen,) = seen_by(spec, options, to_float(batch.images[:1, 0]))
    asked = part_of(spec.build_network(options), spec, options)
    first, again = (Follower(spec, options, *VIDEO, asked) for _ in range(2))
    for number in (1, 2):
        once = first.step(number, seen, None)
    for number in (1, 2):
        twice = again.step(number, seen, None)
    assert once.identities.tolist() == twice.identities.tolist()


def test_identities_are_not_read_unless_the_spec_says_so(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, _ = system
    training = training_of(spec)
    if training.needs(options).identities:
        pytest.skip(f"{spec.name} trains with identities")
    shown = samples.frame(samples.PEOPLE)
    other = TrainingFrame(shown.image, shown.boxes, np.array([5, 9, 7]), shown.ignore, shown.depth)
    one, two = (training.make_targets(TrainingClip((f,) * frames_of(spec, options)), options) for f in (shown, other))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_own_weights_keep_their_names(system: tuple[ModelSpec, Any, Batch]) -> None:
    """Training starts from files of any origin by way of `foreign_names`, a system's own published ones included."""
    spec, options, _ = system
    own = spec.build_network(options).state_dict()
    named = spec.foreign_names(own)
    assert named.keys() == own.keys()
    assert all(named[name] is own[name] for name in own)


def test_only_who_detects_may_be_asked_for_detections(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, _, _ = system
    assert models.detects(spec.name) is (spec.detection.decode is not None)


def test_options_say_whether_detections_carry_masks(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, options, _ = system
    assert models.carries_masks(spec.name, options) is spec.detection.part_masks(options)


def test_specs_travel_to_loader_processes(system: tuple[ModelSpec, Any, Batch]) -> None:
    spec, _, _ = system
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_options_come_without_torch() -> None:
    code = "import sys, models; [models.options(n) for n in models.SYSTEMS]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=samples.ROOT).returncode == 0


def test_unknown_systems_are_named_with_what_is_allowed() -> None:
    with pytest.raises(UserError, match=r"'yolo' is not a system.*allowed: outrack"):
        models.load("yolo")
