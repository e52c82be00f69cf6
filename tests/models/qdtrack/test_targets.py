"""True boxes of a sample, padded; what is not learnt teaches no absence either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.qdtrack.targets import MASK_GRID, make_targets, trim
from pipeline.contract.clips import TrainingClip, TrainingFrame
from tests.models.outrack.samples import MOVED, PEOPLE, frame
from tests.models.qdtrack.samples import small_options


def labelled(boxes: Any, **more: Any) -> TrainingFrame:
    """A frame with classes or masks."""
    return replace(frame(boxes), **more)


def test_boxes_and_identities_of_both_frames() -> None:
    targets = make_targets(TrainingClip((frame(PEOPLE), frame(MOVED[:1]))), small_options())
    assert targets["boxes"][0, :3].tolist() == PEOPLE
    assert targets["valid"].sum(1).tolist() == [3, 1]
    assert targets["identities"][:, :4].tolist() == [[0, 1, 2, -1], [0, -1, -1, -1]]
    assert {name: value.shape for name, value in targets.items()} == {
        "boxes": (2, 8, 4),
        "valid": (2, 8),
        "classes": (2, 8),
        "identities": (2, 8),
        "ignored": (2, 8, 4),
        "ignored_valid": (2, 8),
        "seed": (),
    }


def test_identities_are_absent_where_training_may_not_see_them() -> None:
    assert "identities" not in make_targets(TrainingClip((frame(PEOPLE),) * 2), small_options(loss={"reid": "utrack"}))


def test_what_is_not_learnt_is_ignored() -> None:
    boxes = [
        [8, 10, 24, 50],  # learnt
        [-30, 10, 20, 50],  # centre outside the image, but in sight
        [40, 12, 58, 60],  # marked as ignored
        [200, 10, 220, 50],  # nowhere to be seen
        [60, 20, 60, 50],  # without area
    ]
    targets = make_targets(TrainingClip((frame(boxes, ignore=[False, False, True, False, False]),)), small_options())
    assert targets["boxes"][0, : targets["valid"][0].sum()].tolist() == boxes[:1]
    assert targets["ignored"][0, : targets["ignored_valid"][0].sum()].tolist() == [boxes[1], boxes[2]]


def test_of_too_many_the_largest_are_learnt_and_the_others_ignored() -> None:
    boxes = [[x, 10, x + 4, 12 + 2 * x] for x in range(1, 13)]
    targets = make_targets(TrainingClip((frame(boxes),)), small_options(max_objects=8))
    assert targets["boxes"][0].tolist() == boxes[4:]
    assert targets["ignored_valid"][0].sum() == 4


def test_classes_must_be_among_the_networks() -> None:
    clip = TrainingClip((labelled(PEOPLE, classes=np.array([0, 2, 1])),))
    assert make_targets(clip, small_options(classes=3))["classes"][0, :3].tolist() == [0, 2, 1]
    with pytest.raises(ValueError, match=r"class 2 of an object, but model\.network\.classes is 2"):
        make_targets(clip, small_options(classes=2))


def test_masks_lie_over_their_boxes() -> None:
    masks = np.zeros((3, 64, 96), np.uint8)
    masks[0, 10:30, 8:24] = 1  # the upper half of the first box
    targets = make_targets(TrainingClip((labelled(PEOPLE, masks=masks),)), small_options(mask_head=True))
    assert targets["masks"].shape == (1, 8, MASK_GRID, MASK_GRID)
    assert targets["masks"][0, 0, : MASK_GRID // 2].all()
    assert not targets["masks"][0, 0, MASK_GRID // 2 :].any()
    with pytest.raises(ValueError, match="the samples hold none"):
        make_targets(TrainingClip((labelled(PEOPLE),)), small_options(mask_head=True))


def test_trimming_leaves_the_slots_that_are_filled() -> None:
    clips = [TrainingClip((frame(PEOPLE), frame(MOVED[:1]))), TrainingClip((frame([]), frame([])))]
    made = [make_targets(clip, small_options()) for clip in clips]
    cut = trim({name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]})
    assert cut["boxes"].shape == (2, 2, 3, 4)
    assert cut["ignored"].shape == (2, 2, 1, 4)
    assert cut["seed"].shape == (2,)


def test_what_is_drawn_follows_from_the_clip() -> None:
    clip = TrainingClip((frame(PEOPLE),), seed=(1, 2))
    one, same, other = (make_targets(c, small_options())["seed"] for c in (clip, clip, replace(clip, seed=(1, 3))))
    assert one == same != other
