"""After the warm-up no frame waits for machine code."""

from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from types import ModuleType

import numpy as np
import pytest

from models.association import kernels
from models.occlusion.detections import OccludedDetections
from models.outrack.spec import SPEC
from models.outrack.tracker import build_tracker
from models.outrack.warm_up import warm_up
from pipeline.contract.tracks import Video
from tests.models.outrack.samples import small_options


def signatures() -> dict[str, list[str]]:
    """What each kernel was compiled for so far in this process."""
    modules = [module for module in vars(kernels).values() if isinstance(module, ModuleType)]
    found = chain.from_iterable(vars(module).values() for module in modules)
    return {str(kernel): [str(signature) for signature in kernel.signatures] for kernel in found if hasattr(kernel, "signatures")}


def crowd(random: np.random.Generator, embedding: int) -> OccludedDetections:
    """People who come and go, with occlusion centres among them; sometimes nobody."""
    count = int(random.integers(0, 12))
    centre, half = random.uniform(0, [640, 360], (count, 2)), random.uniform([10, 30], [40, 90], (count, 2))
    vectors = random.normal(size=(count, embedding)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) if embedding else 1
    return OccludedDetections(
        np.hstack([centre - half, centre + half]).astype(np.float32),
        np.sort(random.uniform(0.3, 1, count))[::-1].astype(np.float32).copy(),
        vectors,
        random.uniform(0, [640, 360], (8, 2)).astype(np.float32),
        np.ones(8, np.float32),
    )


def compiled_later(refind: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What this process had compiled after the warm-up, and after a crowd."""
    options = small_options({}, {"refind": refind})
    warm_up(options)
    before, random, follower = signatures(), np.random.default_rng(3), build_tracker(options, Video(25.0, 640, 360))
    for _ in range(60):
        follower.update(crowd(random, 8))
    return before, signatures()


@pytest.mark.parametrize("refind", ["paper", "release"])
def test_a_crowd_compiles_nothing_after_it(refind):
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # in this process other tests have compiled before
        before, after = fresh.submit(compiled_later, refind).result()
    assert sum(map(len, before.values())) > 5
    assert after == before


def test_the_tracking_stage_knows_it():
    assert SPEC.association.warm_up is warm_up
