"""The sequences that representations are judged on: held-out frames of the pipeline, drawn scenes and drawn close-ups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.represent import drawn
from experiments.represent.shown import Shown
from experiments.represent.tasks import Kind, Task
from pipeline.artifacts.manifest import read_manifest
from pipeline.artifacts.store import follow, relative
from pipeline.errors import UserError
from pipeline.files.frames import frame_extras, frame_facts
from pipeline.files.splits import read_split, spans
from pipeline.params.file import digest
from pipeline.params.sections import Params
from pipeline.tracking.plan import frame_file


class Item(NamedTuple):
    """A sequence.

    Attributes:
        name: which no other sequence has.
        shown: its frames.
        key: digest of its content.
    """

    name: str
    shown: Shown
    key: str


class Data(NamedTuple):
    """Sequences that a task is judged on.

    Attributes:
        name: what they are, in a word or two.
        items: the sequences.
    """

    name: str
    items: list[Item]

    @property
    def digest(self) -> str:
        """Digest of the frames that are looked at."""
        return digest([(item.name, item.key, item.shown.span) for item in self.items])


def gather(kind: Kind, params: Params, root: Path, limit: int | None) -> Data:
    """The sequences of a kind; those that are drawn here are drawn where they do not exist yet.

    Args:
        kind: as `tasks.Task.data` states it.
        params: say which frames are judged on (`track.frames`), and the seed of what is drawn.
        root: the repository.
        limit: largest number of sequences; None: all that have ground truth.

    Raises:
        UserError: there are no frames, or none with ground truth.
    """
    if kind == "frames":
        return _held_out(params, root, limit)
    seed = params.base.seed
    draw = drawn.scenes if kind == "scenes" else drawn.closes
    return Data(f"drawn {kind}", [Item(shown.frames.stem, shown, drawn.key(seed)) for shown in draw(root, seed, limit)])


def check(name: str, task: Task, data: Data) -> None:
    """Refuse, before any work, sequences without the columns that a task reads.

    Raises:
        UserError: a sequence lacks a column; the message names both.
    """
    for item in data.items if task.needs else ():
        there = frame_extras(item.shown.frames)
        lacking = [column for column in task.needs if not getattr(there, column)]
        if lacking:
            raise UserError(
                f"{item.shown.frames}: has no {' and no '.join(lacking)}, which the task {name} reads\n"
                "next: leave --own out, which judges it on drawn sequences, or extract data that has them"
            )


def _held_out(params: Params, root: Path, limit: int | None) -> Data:
    published = root / "data" / "frames"
    folder, files = follow(published), read_manifest(published).files
    selected = spans(read_split(follow(root / "data" / "samples")), params.track.frames)
    found = []
    for (dataset, sequence), span in sorted(selected.items()):
        path = frame_file(folder, (dataset, sequence))
        if frame_facts(path)["ground_truth"]:
            found.append(Item(f"{dataset}-{sequence}", Shown(path, span), files[relative(path, folder)]["sha256"]))
    if not found:
        raise UserError(f"represent: no sequence with ground truth among the {params.track.frames} frames\nnext: set track.frames")
    return Data(_named(sorted({dataset for dataset, _ in selected}), params.track.frames), found[:limit])


def _named(datasets: Sequence[str], frames: str) -> str:
    return "+".join(datasets) + {"val": ", held out", "train": ", training frames", "all": ""}[frames]
