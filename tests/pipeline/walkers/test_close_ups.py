"""Close-ups in small: who is followed walks his height or more, wholly inside the window, and labels are in its pixels."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.walkers import close_ups
from pipeline.walkers.close_ups import Close, close_up, windows
from pipeline.walkers.scene import sample_sequence
from tests.pipeline.walkers.settings import section

FRAMES = 20


@pytest.fixture(scope="module")
def clip() -> list[Close]:
    """A quarter of the usual size; the person whom the window is around is the tallest of those who are labelled."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(close_ups, "WIDTH", 160)
        patched.setattr(close_ups, "HEIGHT", 90)
        patched.setattr(close_ups, "LEAST", 80)
        patched.setattr(close_ups, "SCENE", close_ups.SCENE | {"width": 320, "height": 180, "frames": 60})
        return list(close_up(section(), 1, "c", FRAMES))


def test_somebody_walks_his_height_in_a_window_that_stands_still(clip: list[Close]) -> None:
    assert len(clip) == FRAMES
    assert {close.image.shape for close in clip} == {(90, 160, 3)}
    first, last = clip[0].labels, clip[-1].labels
    moved = [
        float(np.abs(last.boxes[last.identities == identity][0, [0, 2]].mean() - box[[0, 2]].mean())) / (box[3] - box[1])
        for identity, box in zip(first.identities.tolist(), first.boxes, strict=True)
        if identity in last.identities
    ]
    assert max(moved) > 0.9
    assert set().union(*(close.labels.identities.tolist() for close in clip)) <= set(first.identities.tolist()), "others have no labels"


def test_masks_and_joints_lie_in_their_boxes_and_in_the_window(clip: list[Close]) -> None:
    for _, labels in clip:
        for box, mask, points in zip(labels.boxes, labels.masks, labels.keypoints, strict=True):
            rows, columns = mask.pixels.shape
            assert mask.left >= 0
            assert mask.top >= 0
            assert mask.left + columns <= 160
            assert mask.top + rows <= 90
            if mask.pixels.any():
                assert [mask.left, mask.top] >= (box[:2] - 1).tolist()
            known = points[points.any(1)]
            assert ((known[:, :2] >= 0) & (known[:, :2] < [160, 90])).all()
            assert ((known[:, :2] >= box[:2] - 2) & (known[:, :2] <= box[2:] + 2)).all()


def test_windows_are_the_scenes_and_the_tallest_comes_first() -> None:
    scene = sample_sequence(section().model_copy(update=close_ups.SCENE), 317, "close-up-01/0", moving=False)
    found = windows(scene, 30)
    assert found == windows(scene, 30)
    assert len({window.person for window in found}) == len(found)
    assert all(0 <= window.left <= 640 and 0 <= window.top <= 360 and 0 <= window.start <= 120 for window in found)
    assert windows(scene, 2) == [], "nobody walks his height in two frames"
