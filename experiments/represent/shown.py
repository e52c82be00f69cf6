"""What representations are judged on: frames of sequences, whose map is computed once however many tasks look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from models.unitrack.network import Representation
from models.unitrack.point_vectors import clean
from pipeline.artifacts.store import Place
from pipeline.contract.clips import to_float
from pipeline.files.frames import Frame, decode_jpeg, read_frames

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
Scores = Mapping[str, Mapping[str, float]]  # by row and metric


@dataclass(frozen=True)
class Shown:
    """Frames of one sequence to be judged on: its frame file, and the first and last frame."""

    frames: Place
    span: tuple[int, int]


class Watcher(Protocol[R_co]):
    """One task in one sequence."""

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame, whose map is (C, h, w) without NaN."""
        ...

    def result(self) -> R_co:
        """What the sequence adds to the task's scores."""
        ...


class Watching(Protocol):
    """A module that judges: one watcher for each sequence, and scores from what they found."""

    def begin(self, shown: Shown, seed: int) -> Watcher[Any]:
        """What watches a sequence."""
        ...

    def summarise(self, found: list[Any]) -> Scores:
        """Scores by row and metric from the watchers' results."""
        ...


class Following(Protocol):
    """A module that crops its own pictures out of a sequence's frames."""

    def follow(self, shown: Shown, network: Representation) -> Any:
        """What a sequence adds to the task's scores."""
        ...

    def summarise(self, found: list[Any]) -> Scores:
        """Scores by row and metric from what the sequences add."""
        ...


def look(tasks: Mapping[str, Watching | Following], shown: Shown, network: Callable[[], Representation], seed: int) -> dict[str, Any]:
    """What one sequence adds to each task's scores; a frame's map is computed once, however many tasks look at it.

    Args:
        tasks: by name.
        shown: the sequence.
        network: gives the representation.
        seed: of whatever a task draws.

    Raises:
        UserError: a frame file or an image cannot be read, or what a frame holds cannot be used.
    """
    found = {name: task.follow(shown, network()) for name, task in tasks.items() if hasattr(task, "follow")}
    watching = {name: task for name, task in tasks.items() if hasattr(task, "begin")}
    if watching:
        results: Sequence[Any] = watch(shown, network(), [module.begin(shown, seed) for module in watching.values()])
        found |= dict(zip(watching, results, strict=True))
    return found


def judge(tasks: Sequence[Watching], sequences: Sequence[Shown], network: Representation, seed: int) -> list[Scores]:
    """The scores of each task; a frame's map is computed once for all of them.

    Args:
        tasks: that are judged on these sequences.
        sequences: with what the tasks need.
        network: whose map is read.
        seed: of whatever a task draws.

    Raises:
        UserError: a frame file or an image cannot be read, or what a frame holds cannot be used.
    """
    found = [watch(shown, network, [task.begin(shown, seed) for task in tasks]) for shown in sequences]
    return [task.summarise([results[place] for results in found]) for place, task in enumerate(tasks)]


def watch(shown: Shown, network: Representation, watchers: Sequence[Watcher[R]]) -> list[R]:
    """Show the frames of a sequence to all watchers, and return their results in order; prints how many cells are not finite.

    Raises:
        UserError: the frame file or an image in it cannot be read.
    """
    broken = 0
    for frame in within(shown):
        image = torch.from_numpy(decode_jpeg(frame.image, f"{shown.frames}: frame {frame.frame}"))
        seen = clean(network(to_float(image.permute(2, 0, 1)[None])).features[0].to(torch.float32))
        broken += seen.broken
        for watcher in watchers:
            watcher.see(frame, seen.features)
    if broken:
        print(f"{shown.frames}: {broken} cells of its maps are not finite; they are alike to nothing")
    return [watcher.result() for watcher in watchers]


def within(shown: Shown, columns: Sequence[str] | None = None) -> Iterator[Frame]:
    """The frames of the span, with these columns or all of them."""
    first, last = shown.span
    return (frame for frame in read_frames(shown.frames, columns) if first <= frame.frame <= last)
