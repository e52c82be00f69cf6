"""What is measured: the paper preset of each system that is trained, and synthetic batches of its true shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from torch import Tensor

import models
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame
from pipeline.contract.spec import ModelSpec, TrainingSettings
from pipeline.contract.spec import Training as TrainingPart
from pipeline.params import preset
from pipeline.params.sections.training import Training

SUFFIXES = ("mot17", "dancetrack", "bdd100k")  # data sets of the papers
BASE = "mot17"  # the preset of the first system, and of systems that have none of their own
DEPTH_STRIDE = 8  # what labels are trained at, so that none is resized on the way, which needs OpenCV
PEOPLE, IDENTITIES = 30, 500  # people in a frame, about as many as MOT17 has; identities of a sample set
TINY = {"width": 128, "height": 96, "people": 4, "batch": 1, "frames": 3}


@dataclass(frozen=True)
class Case:
    """One system with the options of a preset.

    Attributes:
        name: for tables.
        spec: the system.
        options: its checked options.
        settings: the section `finetune`, as the system sees it.
        width: of the network input, pixels.
        height: of the network input, pixels.
        depth_stride: input pixels per cell of a depth map.
        batch: samples of one card in a step.
        people: number of people in each frame.
        frames: largest number of frames of a clip, at least 2; None: as many as the system asks for.
    """

    name: str
    spec: ModelSpec
    options: BaseModel
    settings: TrainingSettings[Any]
    width: int
    height: int
    depth_stride: int
    batch: int
    people: int = PEOPLE
    frames: int | None = None

    @property
    def training(self) -> TrainingPart[Any, Any, Any]:
        """The part of the system that is trained."""
        assert self.spec.training is not None
        return self.spec.training

    @property
    def sample_frames(self) -> int:
        """Frames of one sample."""
        count = self.training.samples(self.options, self.settings, "finetune").frames
        return count if self.frames is None else min(count, max(self.frames, 2))

    @property
    def group(self) -> int:
        """Samples of a batch that follow each other in one video and show the same people."""
        return self.training.samples(self.options, self.settings, "finetune").group


def cases(tiny: bool = False) -> list[Case]:
    """One case for each paper preset of each system that is trained.

    Args:
        tiny: light networks on tiny images instead, to prove in seconds that everything runs.
    """
    trained = [system for system in models.SYSTEMS if models.load(system).training is not None]
    found = [_case(system, name) for system in trained if system not in without_preset(tiny) for name in _presets(system, tiny)]
    return [in_small(case) for case in found] if tiny else found


def in_small(case: Case) -> Case:
    """The case on tiny images: a sample, or a group of them, of few people; a clip of few frames."""
    width, height, people, batch, frames = (TINY[name] for name in ("width", "height", "people", "batch", "frames"))
    return replace(case, width=width, height=height, people=people, batch=max(batch, case.group), frames=frames)


def without_preset(tiny: bool = False) -> list[str]:
    """Systems that have no preset, and whose options no other system's can stand for; they are not measured."""
    found = []
    for system in models.SYSTEMS:
        if models.load(system).training is not None:
            try:
                _case(system, _presets(system, tiny)[0])
            except ValidationError:
                found.append(system)
    return found


def batch_of(case: Case, samples: int | None = None, *, seed: int = 0) -> Batch:
    """A batch on the host, its targets made as a loader process makes them.

    Args:
        case: says the shapes.
        samples: how many; None: as many as a card sees in a step.
        seed: decides images and boxes.
    """
    random, part = np.random.default_rng(seed), case.training
    count, frames = case.batch if samples is None else samples, case.sample_frames
    clips = [_clip(case, random, frames, number) for number in range(count)]
    made = [part.make_targets(clip, case.options) for clip in clips]
    targets = part.trim({name: torch.from_numpy(np.stack([each[name] for each in made])) for name in made[0]})
    images = torch.from_numpy(np.stack([[frame.image for frame in clip.frames] for clip in clips])).permute(0, 1, 4, 2, 3)
    return Batch(images, targets, torch.ones(count, dtype=torch.bool))


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device, without waiting for a pinned one."""

    def there(tensor: Tensor) -> Tensor:
        return tensor.to(device, non_blocking=True)

    return Batch(there(batch.images), {name: there(tensor) for name, tensor in batch.targets.items()}, there(batch.same_scene))


def pinned(batch: Batch) -> Batch:
    """The batch in page-locked memory."""
    targets = {name: tensor.pin_memory() for name, tensor in batch.targets.items()}
    return Batch(batch.images.pin_memory(), targets, batch.same_scene.pin_memory())


def _clip(case: Case, random: np.random.Generator, frames: int, number: int) -> TrainingClip:
    first = number // case.group * case.people % (IDENTITIES - case.people)
    shown = tuple(_frame(case, random, first) for _ in range(frames))
    return TrainingClip(shown, video=True, seed=(0, 0, number, 0))


def _frame(case: Case, random: np.random.Generator, first: int) -> TrainingFrame:
    needs = case.training.needs(case.options)
    height, width, people = case.height, case.width, case.people
    tall = random.uniform(0.1, 0.5, people) * height
    left, top = random.uniform(0, 0.9, people) * width, random.uniform(0, 0.6, people) * height
    boxes = np.stack([left, top, left + 0.4 * tall, top + tall], 1).astype(np.float32)
    shape = height // case.depth_stride, width // case.depth_stride
    known = needs.identities
    return TrainingFrame(
        image=random.integers(0, 256, (height, width, 3), np.uint8),
        boxes=boxes,
        identities=first + np.arange(people) if known else np.full(people, -1, np.int64),
        ignore=np.zeros(people, np.bool_),
        depth=random.uniform(1, 50, shape).astype(np.float32) if needs.depth else None,
        masks=_masks(boxes, height, width) if needs.masks else None,
    )


def _masks(boxes: NDArray[np.float32], height: int, width: int) -> NDArray[np.uint8]:
    masks = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int), strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def _presets(system: str, tiny: bool) -> list[str]:
    """Presets of the system's papers, or its light one."""
    stem = "" if system == models.SYSTEMS[0] else f"{system}_"
    there = {path.stem for path in (preset.ROOT / "presets").glob("*.yaml")}
    wanted = [f"{stem}walkers"] if tiny else [f"{stem}{suffix}" for suffix in SUFFIXES]
    return [name for name in wanted if name in there] or ["walkers" if tiny else BASE]


def _case(system: str, name: str) -> Case:
    values, kind = preset.values(name), models.options(system)
    own = values["model"].get("name", models.SYSTEMS[0]) == system
    settings, own_kind = Training.model_validate(values["finetune"]), models.training_options(system)
    width, height = settings.input_size or (values["pack_samples"]["width"], values["pack_samples"]["height"])
    given = {key: value for key, value in values["model"].items() if key != "name"}
    return Case(
        name=name if own else f"{system} as {name}",
        spec=models.load(system),
        options=kind.model_validate(given if own else _known(kind, given)),
        settings=TrainingSettings(settings, own_kind.model_validate(_known(own_kind, settings.model))),
        width=width,
        height=height,
        depth_stride=DEPTH_STRIDE,
        batch=max(1, settings.batch_size // settings.most_workers),
    )


def _known(kind: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a class knows of another system's options; the rest says nothing to it."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in kind.model_fields:
            inner = kind.model_fields[key].annotation
            nested = isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, BaseModel)
            found[key] = _known(inner, value) if nested else value  # type: ignore[arg-type]
    return found
