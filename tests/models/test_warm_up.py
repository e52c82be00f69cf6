"""After the warm-up no frame waits for machine code."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import models
from models.association import kernels
from models.centertrack.decode import CentertrackDetections
from models.occlusion.detections import OccludedDetections
from pipeline.contract.tracks import Video
from tests.models.centertrack import samples as centertrack
from tests.models.outrack import samples as outrack

Signatures = dict[str, list[str]]
WITHOUT_EMBEDDING = "centertrack"


@pytest.fixture(scope="module")
def fresh() -> Iterator[Executor]:
    """Each call runs in a process that has imported what this file imports, and compiled nothing."""
    forks = get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, forks, max_tasks_per_child=1) as pool:
        yield pool


def signatures() -> Signatures:
    """What each kernel was compiled for so far in this process."""
    modules = [module for module in vars(kernels).values() if isinstance(module, ModuleType)]
    found = chain.from_iterable(vars(module).values() for module in modules)
    return {str(kernel): [str(signature) for signature in kernel.signatures] for kernel in found if hasattr(kernel, "signatures")}


def crowd(random: np.random.Generator, system: str) -> OccludedDetections:
    """People who come and go, with occlusion centres among them; sometimes nobody."""
    count, embedding = int(random.integers(0, 12)), 0 if system == WITHOUT_EMBEDDING else 8
    centre, half = random.uniform(0, [640, 360], (count, 2)), random.uniform([10, 30], [40, 90], (count, 2))
    vectors = random.normal(size=(count, embedding)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) if embedding else 1
    boxes, scores = np.hstack([centre - half, centre + half]), np.sort(random.uniform(0.3, 1, count))[::-1]
    centres = random.uniform(0, [640, 360], (8, 2)).astype(np.float32)
    seen = boxes.astype(np.float32), scores.astype(np.float32), vectors, centres, np.ones(8, np.float32)
    return OccludedDetections(*seen) if embedding else CentertrackDetections(*seen, np.zeros((count, 2), np.float32))


def compiled_later(system: str, tracker: dict[str, Any]) -> tuple[Signatures, Signatures]:
    """What this process had compiled after the warm-up, and after a crowd."""
    options = {"outrack": outrack, "centertrack": centertrack}[system].small_options(tracker=tracker)
    association = models.load(system).association
    assert not any(signatures().values())
    association.warm_up(options)
    before, random, follower = signatures(), np.random.default_rng(3), association.build_tracker(options, Video(25.0, 640, 360))
    for _ in range(60):
        follower.update(crowd(random, system))
    return before, signatures()


@pytest.mark.parametrize(("system", "tracker"), [("outrack", {"refind": "paper"}), ("outrack", {"refind": "release"}), ("centertrack", {})])
def test_a_crowd_compiles_nothing_after_it(fresh: Executor, system: str, tracker: dict[str, Any]) -> None:
    before, after = fresh.submit(compiled_later, system, tracker).result(timeout=120)
    assert sum(map(len, before.values())) > 5
    assert after == before
