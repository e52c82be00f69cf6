"""What is done before time is taken makes all machine code that a tracked frame and a training step need."""

from __future__ import annotations

import pytest

from models.association.kernels import kalman, nearest
from models.qdtrack.tracker import build_tracker
from models.qdtrack.training import TRAINING
from models.qdtrack.warm_up import warm_up
from models.regions.kernels import align, matcher
from models.regions.kernels.nms import suppress
from pipeline.contract.tracks import Video
from tests.models.qdtrack.samples import mixed_batch, seen, small_options
from tests.models.qdtrack.test_loss import step


def signatures() -> dict[str, int]:
    kernels = [nearest.kept, nearest.assign, nearest.average, nearest.backdrops, nearest.mean_of_shares, suppress]
    kernels += [align.forward, align.backward, matcher.match, matcher.random_keys, kalman.predict, kalman.boxes]
    return {kernel.__name__: len(kernel.signatures) for kernel in kernels}


@pytest.mark.parametrize("cues", [["appearance"], ["appearance", "motion", "iou"]])
def test_a_step_and_frames_need_no_further_machine_code(cues: list[str]) -> None:
    options = small_options(tracker={"cues": cues})
    warm_up(options)
    TRAINING.warm_up(options)
    made = signatures()
    assert made["assign"] == made["kept"] == made["forward"] == 1
    warm_up(options)
    tracker = build_tracker(options, Video(25.0, 640, 360))
    for _ in range(2):
        from_a_file = seen([[0, 0, 10, 20], [30, 0, 40, 20]], [0.9, 0.6], [[2, 0], [0, 2]])
        for array in vars(from_a_file).values():
            if array is not None:
                array.flags.writeable = False
        assert tracker.update(from_a_file).identities.tolist() == [1]
    step(options, mixed_batch(options))
    assert signatures() == made
