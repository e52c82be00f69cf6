"""Masks handed on: an object that moves, objects that come later, leave, vanish, overlap; one frame and none."""

from __future__ import annotations

import pytest
import torch

from models.unitrack.mask_propagation import MaskPropagation, Masks
from models.unitrack.options import PropagationOptions
from tests.models.unitrack.scenes import HEIGHT, PATCH, WIDTH, features, scene

SIZE = (HEIGHT, WIDTH)


def _mask(left: int, top: int, width: int = PATCH, height: int = PATCH) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[top : top + height, left : left + width] = True
    return mask


def _iou(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first & second).sum() / (first | second).sum())


@pytest.mark.parametrize("fill", [False, True])
def test_a_mask_follows_its_object(fill: bool) -> None:
    head = MaskPropagation(SIZE, PropagationOptions(fill_memory=fill))
    head.update(features(scene(16, 24)[None])[0], Masks((4,), _mask(16, 24)[None]))
    for frame in range(1, 8):
        seen = head.update(features(scene(16 + 8 * frame, 24)[None])[0])
    assert seen.identities == (4,)
    assert _iou(seen.masks[0], _mask(72, 24)) > 0.8


def test_a_given_mask_comes_back_as_it_is() -> None:
    head = MaskPropagation(SIZE)
    seen = head.update(features(scene(16, 24)[None])[0], Masks((7,), _mask(19, 25)[None]))
    assert torch.equal(seen.masks[0], _mask(19, 25))


def test_an_object_that_comes_later_is_followed_beside_the_first() -> None:
    head = MaskPropagation(SIZE)
    assert head.update(features(scene(16, 24)[None])[0]).identities == ()
    head.update(features(scene(16, 24)[None])[0], Masks((4,), _mask(16, 24)[None]))
    head.update(features(scene(16, 24)[None])[0])
    seen = head.update(features(scene(16, 24)[None])[0], Masks((9,), _mask(96, 32, 32, 32)[None]))
    assert seen.identities == (4, 9)
    seen = head.update(features(scene(16, 24)[None])[0])
    assert _iou(seen.masks[0], _mask(16, 24)) > 0.8
    assert _iou(seen.masks[1], _mask(96, 32, 32, 32)) > 0.7
    assert not bool((seen.masks[0] & seen.masks[1]).any())


def test_an_object_leaves_and_returns() -> None:
    head = MaskPropagation(SIZE)
    head.update(features(scene(16, 24)[None])[0], Masks((4,), _mask(16, 24)[None]))
    gone = scene(WIDTH - 8, 24)  # all but its left edge
    for _ in range(7):
        seen = head.update(features(gone[None])[0])
    assert seen.identities == (4,)
    assert int(seen.masks[0].sum()) < PATCH**2 / 4
    assert _iou(head.update(features(scene(96, 24)[None])[0]).masks[0], _mask(96, 24)) > 0.7


def test_a_mask_that_vanishes_at_stride_8_stays_empty() -> None:
    head = MaskPropagation(SIZE)
    head.update(features(scene(16, 24)[None])[0], Masks((1, 2), torch.stack([_mask(17, 24, 1, 20), _mask(64, 24)])))
    seen = head.update(features(scene(16, 24)[None])[0])
    assert not bool(seen.masks[0].any())
    assert bool(seen.masks[1].any())


def test_features_that_are_not_finite_give_masks_and_are_counted() -> None:
    head = MaskPropagation(SIZE)
    head.update(features(scene(16, 24)[None])[0], Masks((1,), _mask(16, 24)[None]))
    broken = features(scene(16, 24)[None])[0]
    broken[3, 2:4] = torch.nan
    seen = head.update(broken)
    assert head.broken == 2 * WIDTH // 8
    assert _iou(seen.masks[0], _mask(16, 24)) > 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Masks((1, 2), torch.stack([_mask(0, 0), _mask(40, 0)])), "1 and 2 overlap"),
        (Masks((1,), torch.zeros(1, 4, 4, dtype=torch.bool)), r"\(4, 4\) in a video of \(96, 160\)"),
        (Masks((1, 1), torch.stack([_mask(0, 0), _mask(80, 0)])), "given twice"),
    ],
)
def test_masks_that_make_no_sense_are_refused(given: Masks, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MaskPropagation(SIZE).update(features(scene(16, 24)[None])[0], given)


def test_memory_does_not_grow_with_the_video() -> None:
    head = MaskPropagation(SIZE, PropagationOptions(memory=3))
    head.update(features(scene(16, 24)[None])[0], Masks((1,), _mask(16, 24)[None]))
    for _ in range(9):
        head.update(features(scene(16, 24)[None])[0])
    assert (len(head._memory.anchors), len(head._memory.latest)) == (1, 2)
