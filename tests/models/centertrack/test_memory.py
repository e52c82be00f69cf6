"""What is remembered of a frame."""

from __future__ import annotations

import torch

from models.centertrack.memory import image_and_heat, remember
from tests.models.centertrack.samples import small_options
from tests.models.centertrack.scenes import see

SEEN = see({0: [20, 10, 30, 20], 1: [60, 30, 70, 40], 2: [40, 20, 40, 30]}, scores=[0.9, 0.39, 0.8])


def test_memory_is_the_image_and_the_detections_above_the_threshold() -> None:
    image = torch.rand(1, 3, 64, 96)
    memory = image_and_heat(image, SEEN, 0.4)
    assert memory.shape == (1, 4, 64, 96)
    assert torch.equal(memory[:, :3], image)
    assert torch.nonzero(memory[0, 3] == 1).tolist() == [[15, 25]]


def test_the_trackers_threshold_decides() -> None:
    keep = remember(small_options(tracker={"detection_threshold": 0.3}))
    assert torch.nonzero(keep(torch.zeros(1, 3, 64, 96), SEEN)[0, 3] == 1).tolist() == [[15, 25], [35, 65]]
