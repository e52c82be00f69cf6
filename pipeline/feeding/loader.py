"""From sample rows to batches: plan a clip, decode, augment, let the model make its targets, stack.

A sample is named by (epoch, number), and everything drawn for it follows from that and the seed, so that it is the same in whichever
process it is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipeline.artifacts.store import Place, follow
from pipeline.contract.clips import Batch, Needs, Samples, TrainingClip, TrainingFrame
from pipeline.contract.spec import ModelSpec, TrainingSettings
from pipeline.contract.spec import Training as TrainingPart
from pipeline.errors import UserError
from pipeline.feeding import augment
from pipeline.feeding.clips import ClipPlanner
from pipeline.feeding.groups import Groups, cut
from pipeline.feeding.identities import IdentityNumbers
from pipeline.feeding.order import EpochBatches, Key
from pipeline.feeding.shared_batches import AHEAD, SharedLoader, unchanged
from pipeline.files import depth_codec
from pipeline.files.frames import decode_jpeg
from pipeline.files.run_lengths import decode_mask
from pipeline.files.sample_store import Sample, SampleStore
from pipeline.params.classes import PEDESTRIANS, class_indices
from pipeline.params.file import validate
from pipeline.params.sections import Params
from pipeline.params.sections.training import Training
from pipeline.runtime.malloc import keep_freed_memory

SAMPLES = {"pretrain": "stills", "finetune": "video"}  # folders of data/samples
Trim = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
_VIEW, _TARGETS = 3, 5  # last words of the random seeds drawn here


@dataclass(frozen=True)
class Feed:
    """What the samples of a run are made of; picklable.

    Attributes:
        spec: the system, which says what one sample is and makes its targets.
        options: of the model.
        settings: the stage's section.
        folder: of the sample set.
        seed: of the run.
        width: of the network input in pixels; images that are trained on have `settings.input_size` where that is set (`shown`).
        height: of the network input, pixels.
        depth_stride: input pixels per cell of the depth map.
        stage: name of the stage that trains.
        classes: names of what is learnt, `pack_samples.classes`.
    """

    spec: ModelSpec
    options: BaseModel
    settings: Training
    folder: Place
    seed: int
    width: int
    height: int
    depth_stride: int
    stage: str = "finetune"
    classes: tuple[str, ...] = PEDESTRIANS

    @property
    def training(self) -> TrainingPart[Any, Any, Any]:
        """The part of the system that is trained; who builds a feed has seen that there is one."""
        assert self.spec.training is not None
        return self.spec.training

    @cached_property
    def system_settings(self) -> TrainingSettings[Any]:
        """The settings as the system sees them, its own part checked.

        Raises:
            UserError: a value of that part cannot be used.
        """
        own = validate(self.training.options, self.settings.model, where=f"model.name {self.spec.name}", prefix=f"{self.stage}.model")
        return TrainingSettings(self.settings, own)

    @property
    def samples(self) -> Samples:
        """What one sample is.

        Raises:
            UserError: the settings ask for groups, which the system knows nothing of.
        """
        samples = self.training.samples(self.options, self.system_settings, self.stage)
        if samples.group != self.settings.group:
            raise UserError(
                f"{self.stage}.sampling: model.name {self.spec.name} with these options learns from groups of {samples.group} frames "
                f"(1: from rows), not of {self.settings.group}\nnext: set {self.stage}.sampling to "
                + ("rows" if samples.group == 1 else f"groups, and {self.stage}.group_frames to {samples.group}")
            )
        return samples

    @property
    def needs(self) -> Needs:
        """What is read of a sample."""
        return self.training.needs(self.options)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height of the images that are trained on."""
        width, height = self.settings.input_size or (self.width, self.height)
        return width, height


def build_feed(params: Params, options: BaseModel, spec: ModelSpec, stage: Literal["pretrain", "finetune"], samples: Path) -> Feed:
    """What a training stage of a parameter file learns from; `samples` is data/samples."""
    packed, settings = params.pack_samples, getattr(params, stage)
    seed, stride = params.base.seed, packed.depth_stride
    return Feed(
        spec,
        options,
        settings,
        follow(samples) / SAMPLES[stage],
        seed=seed,
        width=packed.width,
        height=packed.height,
        depth_stride=stride,
        stage=stage,
        classes=tuple(packed.classes),
    )


class Item(NamedTuple):
    """One sample before collation: F images (H, W, 3) uint8, the model's arrays, and whether its frames show one scene."""

    images: tuple[NDArray[np.uint8], ...]
    targets: dict[str, NDArray[Any]]
    same_scene: bool


class Mix(NamedTuple):
    """In which proportion data sets are drawn.

    Attributes:
        weights: (rows,) float64, see `order.epoch_order`.
        shares: data set -> part of the samples that comes from it; they add up to 1.
    """

    weights: NDArray[np.float64]
    shares: dict[str, float]


def mix(feed: Feed, store: SampleStore) -> Mix | None:
    """The weights of a section's `mix` as those of rows; None where it is empty, and every row is drawn equally often.

    Raises:
        UserError: it names a data set that the samples do not come from, or leaves nothing to draw.
    """
    given, there, groups = feed.settings.mix, store.datasets, groups_of(feed, store)
    unknown = sorted(set(given) - set(there))
    if unknown:
        raise UserError(
            f"mix: no data set {', '.join(unknown)} in {feed.folder}; it holds {', '.join(there)}\n"
            "next: correct the name, or add the data set to pack_samples.stills or videos"
        )
    if not given:
        return None
    weights = np.array([given.get(name, 1.0) for name in there])[store.index.dataset]
    if not weights.any():
        raise UserError(f"mix: every data set of {feed.folder} has weight 0\nnext: give one of {', '.join(there)} a weight above 0")
    drawn = np.arange(len(weights)) if groups is None else groups.rows[:, 0]
    shares = np.bincount(store.index.dataset[drawn], weights[drawn], minlength=len(there)) / weights[drawn].sum()
    return Mix(weights, dict(zip(there, shares.tolist(), strict=True)))


def groups_of(feed: Feed, store: SampleStore) -> Groups | None:
    """The runs that are shuffled in place of rows; None where rows are."""
    return cut(store.index, feed.samples.group) if feed.samples.group > 1 else None


def batch_bytes(feed: Feed, workers: int) -> int:
    """What a batch of one worker takes in memory at most: its images, and as much again for targets."""
    return 2 * feed.settings.batch_size // workers * feed.samples.frames * 3 * math.prod(feed.shown) + 2**20


def batches_in_memory(feed: Feed) -> int:
    """How many batches a worker's loader holds at a time: those that processes make ahead, or the one in use and the next."""
    return AHEAD * feed.settings.loader_processes + 1 if feed.settings.loader_processes else 2


class ClipDataset(Dataset[Item]):
    """Training samples by `Key`; see `Feed`.

    Raises:
        UserError: the sample set is missing, or a row of it cannot be decoded.
    """

    def __init__(self, feed: Feed) -> None:
        self.feed, self.store = feed, SampleStore(feed.folder)
        self.people = identity_numbers(feed, self.store)
        self.groups = groups_of(feed, self.store)
        self.planner = ClipPlanner(
            self.store.index,
            samples=feed.samples,
            seed=feed.seed,
            identities=None if self.people is None else self.people.of,
            groups=self.groups,
        )

    def __getitem__(self, key: Key) -> Item:
        return self.item(key)

    def item(self, key: Key, room: NDArray[np.uint8] | None = None) -> Item:
        """A sample; its images are written to `room` ((F, height, width, 3) uint8) if that is given."""
        clip = self.clip(*key, room)
        targets = self.feed.training.make_targets(clip, self.feed.options)
        return Item(tuple(frame.image for frame in clip.frames), targets, clip.same_scene)

    def clip(self, epoch: int, sample: int, room: NDArray[np.uint8] | None = None) -> TrainingClip:
        """The augmented frames of a sample; `room` as in `item`."""
        plan, what = self.planner.plan(epoch, sample), self.feed.samples
        random = np.random.default_rng([self.feed.seed, epoch, plan.first, _VIEW])
        drawn = max(len(plan.rows), what.group)
        views = augment.draw_views(random, self.feed.settings.augment, drawn, what.views if plan.same_scene else "independent")
        views = views[plan.place : plan.place + len(plan.rows)]
        stored = {row: self.stored(row) for row in dict.fromkeys(plan.rows)}
        places = [None] * len(views) if room is None else room
        frames = [self._show(stored[row], view, out) for row, view, out in zip(plan.rows, views, places, strict=True)]
        seed = (self.feed.seed, epoch, sample, _TARGETS)
        return TrainingClip(tuple(frames), plan.same_scene, plan.video, seed, plan.repeated)

    def _show(self, frame: TrainingFrame, view: augment.View, out: NDArray[np.uint8] | None) -> TrainingFrame:
        width, height = self.feed.shown
        return augment.show(frame, view, width=width, height=height, depth_stride=self.feed.depth_stride, out=out)

    def sample(self, row: int) -> Sample:
        """The row as it is stored."""
        return self.store.row(row)

    def stored(self, row: int) -> TrainingFrame:
        """The stored frame with objects of learnt classes and ignored regions only.

        Identities are -1 for models that may not see them. `image` is (height, width, 3) uint8 RGB at its stored size.

        Raises:
            UserError: the image or the depth map cannot be decoded.
        """
        sample = self.sample(row)
        where = f"{self.feed.folder}: {sample.dataset}/{sample.sequence} frame {sample.frame}"
        kinds = class_indices(sample.classes, self.feed.classes)
        keep = (kinds >= 0) | sample.ignores
        depth = sample.depth if self.feed.needs.depth else None
        identities = np.full(len(keep), -1, np.int64) if self.people is None else self.people.of(row)
        needs = self.feed.needs
        return TrainingFrame(
            image=decode_jpeg(sample.image, where),
            boxes=sample.boxes[keep],
            identities=identities[keep],
            ignore=sample.ignores[keep].astype(np.bool_),
            classes=np.where(sample.ignores, 0, kinds)[keep],
            masks=_masks(sample, keep) if needs.masks and sample.masks is not None else None,
            keypoints=sample.keypoints[keep] if needs.keypoints and sample.keypoints is not None else None,
            depth=None if depth is None else depth_codec.decode(depth, sample.depth_scale, where),
        )


def _masks(sample: Sample, keep: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(N, H, W), 1 inside, of the objects that are kept; empty where one has no mask."""
    assert sample.masks is not None
    found = np.zeros((int(keep.sum()), sample.height, sample.width), np.uint8)
    for place, mask in zip(found, sample.masks[keep], strict=True):
        if mask is not None:
            place[:] = decode_mask(mask, sample.height, sample.width)
    return found


def identity_numbers(feed: Feed, store: SampleStore | None = None) -> IdentityNumbers | None:
    """The identity numbers of the sample set; None for a model that does not need identities."""
    return IdentityNumbers(store or SampleStore(feed.folder), feed.classes) if feed.needs.identities else None


def build_loader(feed: Feed, *, rank: int, workers: int, pin_memory: bool) -> tuple[Iterable[Batch], EpochBatches]:
    """The batches of one worker. Set `.epoch` of the second value, then iterate over the first.

    A batch that loader processes made and that is not pinned is valid only until the next one is asked for
    (`pipeline/feeding/shared_batches.py`).

    Args:
        feed: what samples are made of.
        rank: of this worker among `workers`.
        workers: how many share each global batch.
        pin_memory: page-locked batches, for a GPU.
    """
    cv2.setNumThreads(0)
    dataset, settings = ClipDataset(feed), feed.settings
    mixed = mix(feed, dataset.store)
    batches = EpochBatches(
        dataset.store.row_groups,
        batch_size=settings.batch_size,
        rank=rank,
        workers=workers,
        seed=feed.seed,
        samples=settings.epoch_samples,
        weights=mixed.weights if mixed else None,
        groups=dataset.groups,
    )
    make = _Making(dataset)
    if settings.loader_processes:
        room = batch_bytes(feed, workers)
        return SharedLoader(
            make, batches, processes=settings.loader_processes, slot_bytes=room, pin=pin_memory, begin=start_process
        ), batches
    loader: DataLoader[Batch] = DataLoader(make, batch_sampler=batches, collate_fn=unchanged, pin_memory=pin_memory)  # type: ignore[arg-type]
    return loader, batches


@dataclass(frozen=True)
class _Making:
    """From keys to batches, whose images are written where they stay: at the start of given memory (bytes,) uint8, or of new memory."""

    dataset: ClipDataset

    def __call__(self, keys: Sequence[Key], memory: Tensor | None = None) -> Batch:
        feed = self.dataset.feed
        width, height = feed.shown
        shape = (len(keys), feed.samples.frames, height, width, 3)
        room = np.empty(shape, np.uint8) if memory is None else memory.numpy()[: math.prod(shape)].reshape(shape)
        return collate([self.dataset.item(key, place) for key, place in zip(keys, room, strict=True)], feed.training.trim, room)

    __getitems__ = __call__


def collate(items: Sequence[Item], trim: Trim, room: NDArray[np.uint8] | None = None) -> Batch:
    """Stack samples and trim their targets (`Training.trim`).

    Images keep the order of their bytes (channels last): (B, F, 3, H, W) is a view of (B, F, H, W, 3).

    Args:
        items: samples of one shape.
        trim: the model's.
        room: (B, F, H, W, 3), where the images are already; None: they are copied to memory of their own.
    """
    if room is None:
        frames = np.stack([image for item in items for image in item.images])
        room = frames.reshape(len(items), -1, *frames.shape[1:])
    images = torch.from_numpy(room).permute(0, 1, 4, 2, 3)
    names = items[0].targets
    targets = {name: torch.from_numpy(np.stack([item.targets[name] for item in items])) for name in names}
    return Batch(images, trim(targets), torch.tensor([item.same_scene for item in items]))


def read_ahead(loader: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches in the same order; the next one is made while the caller works on this one.

    A thread makes it, or copies it to page-locked memory; processes whose batches need no copy work ahead by themselves.
    An error while making a batch is raised where the batch would have come. Leaving early waits for the batch in the making.
    """
    batches = iter(loader)  # processes are forked here and not in the thread
    return batches if isinstance(loader, SharedLoader) and not loader.pin else _in_thread(batches)


def _in_thread(batches: Iterator[Batch]) -> Iterator[Batch]:
    with ThreadPoolExecutor(1, "batches") as thread:
        waiting = thread.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = thread.submit(next, batches, None)
            yield batch


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Copy a batch to where the network is, without waiting for a pinned one."""
    if device.type == "cpu":
        return batch
    targets = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.targets.items()}
    return Batch(batch.images.to(device, non_blocking=True), targets, batch.same_scene.to(device, non_blocking=True))


def start_process(number: int) -> None:
    """Set up a loader process: keep freed memory, and compute in one thread. `number` is the process's, which PyTorch passes."""
    keep_freed_memory()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
