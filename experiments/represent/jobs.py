"""One start of one representation as a job of its own: what a Ray actor gets and does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch

from experiments.represent.parts import Part
from experiments.represent.representations import Entry, load
from experiments.represent.shown import Shown, look
from experiments.represent.tasks import TASKS
from pipeline.params.sections.common import Cluster


@dataclass(frozen=True)
class Job:
    """A representation, and the parts that it is judged in; picklable.

    Attributes:
        name: of the representation.
        entry: the representation's entry, which says where its weights are.
        start: seed of random weights.
        seed: seed of what tasks draw, the same for all representations.
        root: the repository.
        parts: all parts, finished or not.
    """

    name: str
    entry: Entry
    start: int
    seed: int
    root: Path
    parts: tuple[Part, ...]

    @property
    def missing(self) -> list[Part]:
        """Parts that are not done."""
        return [part for part in self.parts if not part.done]


def work(job: Job) -> None:
    """Judge what is missing, one sequence after the other; each finished part is kept at once."""
    torch.set_num_threads(1)
    network = cache(partial(load, job.entry, job.root, job.start))
    waiting: dict[Shown, list[Part]] = {}
    for part in job.missing:
        waiting.setdefault(part.shown, []).append(part)
    for shown, parts in waiting.items():
        found = look({part.task: TASKS[part.task].module for part in parts}, shown, network, job.seed)
        for part in parts:
            part.write(found[part.task])


def on_ray(jobs: Sequence[Job], cluster: Cluster) -> None:
    """Do each job in a Ray actor, as many at a time as there are CPUs; an actor that is killed is started again and goes on."""
    from pipeline.runtime.actors import map_actors
    from pipeline.runtime.cluster import attached

    with attached(cluster):
        map_actors(work, jobs, label="represent", unit="parts", weight=lambda job: len(job.parts), at_once=1)
