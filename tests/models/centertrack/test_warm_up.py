"""After the warm-up no frame waits for machine code."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context

import numpy as np

from models.centertrack.decode import CentertrackDetections
from models.centertrack.spec import SPEC
from models.centertrack.tracker import build_tracker
from models.centertrack.warm_up import warm_up
from pipeline.contract.tracks import Video
from tests.models.centertrack.samples import small_options
from tests.models.outrack.test_warm_up import crowd, signatures


def compiled_later() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What this process had compiled after the warm-up, and after a crowd."""
    options = small_options()
    warm_up(options)
    before, random, tracker = signatures(), np.random.default_rng(3), build_tracker(options, Video(25.0, 640, 360))
    for _ in range(60):
        seen = crowd(random, 0)
        tracker.update(CentertrackDetections(**asdict(seen), displacements=np.zeros((len(seen.boxes), 2), np.float32)))
    return before, signatures()


def test_a_crowd_compiles_nothing_after_it() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # in this process other tests have compiled before
        before, after = fresh.submit(compiled_later).result()
    assert sum(map(len, before.values())) > 5
    assert after == before


def test_the_tracking_stage_knows_it() -> None:
    assert SPEC.association.warm_up is warm_up
