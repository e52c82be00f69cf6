"""After the warm-up no frame waits for machine code."""

from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from types import ModuleType

import numpy as np
import pytest
import torch

from models.association import kernels
from models.embedding import pairwise
from models.embedding.utrack import reid_losses
from models.outrack.decode import OutrackDetections
from models.outrack.spec import SPEC
from models.outrack.tracker import build_tracker
from models.outrack.warm_up import warm_up, warm_up_training
from pipeline.contract.tracks import Video
from tests.models.outrack.samples import small_options


def signatures() -> dict[str, list[str]]:
    """What each kernel was compiled for so far in this process."""
    modules = [module for module in vars(kernels).values() if isinstance(module, ModuleType)]
    found = chain.from_iterable(vars(module).values() for module in modules)
    return {str(kernel): [str(signature) for signature in kernel.signatures] for kernel in found if hasattr(kernel, "signatures")}


def crowd(random: np.random.Generator, embedding: int, displacement: int) -> OutrackDetections:
    """People who come and go, with occlusion centres among them; sometimes nobody."""
    count = int(random.integers(0, 12))
    centre, half = random.uniform(0, [640, 360], (count, 2)), random.uniform([10, 30], [40, 90], (count, 2))
    vectors = random.normal(size=(count, embedding)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) if embedding else 1
    return OutrackDetections(
        np.hstack([centre - half, centre + half]).astype(np.float32),
        np.sort(random.uniform(0.3, 1, count))[::-1].astype(np.float32).copy(),
        vectors,
        random.uniform(0, [640, 360], (8, 2)).astype(np.float32),
        np.ones(8, np.float32),
        np.zeros((count, displacement), np.float32),
    )


def compiled_later(style: str, refind: str, displacement: int) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What this process had compiled after the warm-up, and after a crowd."""
    options = small_options({}, {"refind": refind}, style=style)
    warm_up(options)
    before, random, follower = signatures(), np.random.default_rng(3), build_tracker(options, Video(25.0, 640, 360))
    for _ in range(60):
        follower.update(crowd(random, 8, displacement))
    return before, signatures()


@pytest.mark.parametrize(
    ("style", "refind", "displacement"), [("fairmot", "paper", 0), ("fairmot", "release", 0), ("centertrack", "paper", 2)]
)
def test_a_crowd_compiles_nothing_after_it(style, refind, displacement):
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # in this process other tests have compiled before
        before, after = fresh.submit(compiled_later, style, refind, displacement).result()
    assert sum(map(len, before.values())) > 5
    assert after == before


def test_the_tracking_stage_knows_it():
    assert SPEC.association.warm_up is warm_up


def types_of_losses() -> list[int]:
    """For how many types each kernel of the losses was compiled."""
    return [len(kernel.signatures) for kernel in (pairwise.gather, pairwise.to_slopes, pairwise.scatter)]


def losses_compiled_later() -> tuple[list[int], list[int]]:
    """The same after the warm-up, and after a batch of people."""
    options = small_options()
    warm_up_training(options)
    before = types_of_losses()
    embeddings = torch.randn(3, 2, 5, 8, requires_grad=True)
    reid_losses(embeddings, torch.rand(3, 2, 5) > 0.3, torch.tensor([True, False, True]), options.loss).total.backward()
    return before, types_of_losses()


def test_a_batch_compiles_nothing_after_it():
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        assert fresh.submit(losses_compiled_later).result() == ([1, 1, 1], [1, 1, 1])


@pytest.mark.parametrize("reid", ["utrack", "cycas", "classification", "none"])
def test_every_objective_warms_up(reid):
    SPEC.training.warm_up(small_options(loss={"reid": reid}))
