"""Association heads on maps: boxes, masks and poses of two people who exchange places."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.unitrack.association_head import AssociationHead
from models.unitrack.box_looks import box_looks
from models.unitrack.observations import of_masks, of_poses
from models.unitrack.options import TASKS
from models.unitrack.pose_objects import JOINTS

SIZE = (160, 240)
PLACES = {"left": (24, 32), "right": (136, 32)}  # left and top of a person 48 wide and 96 tall
APPEARANCE = {"a": 1, "b": 2, "ground": 0}


def _map(**people: str) -> torch.Tensor:
    """(64, 20, 30): random vectors, the same for a person wherever he is."""

    def vectors(name: str, rows: int, columns: int) -> torch.Tensor:
        return torch.randn(64, rows, columns, generator=torch.Generator().manual_seed(APPEARANCE[name]))

    features = vectors("ground", 20, 30)
    for name, place in people.items():
        left, top = (v // 8 for v in PLACES[place])
        features[:, top : top + 12, left : left + 6] = vectors(name, 12, 6)
    return features


def _boxes(*places: str) -> np.ndarray:
    return np.array([[x, y, x + 48, y + 96] for x, y in (PLACES[p] for p in places)], np.float32).reshape(-1, 4)


def _masks(*places: str) -> torch.Tensor:
    masks = torch.zeros(len(places), *SIZE, dtype=torch.bool)
    for mask, (x, y) in zip(masks, (PLACES[p] for p in places), strict=True):
        mask[y : y + 96, x : x + 48] = True
    return masks


def _poses(*places: str) -> np.ndarray:
    body = np.full((JOINTS, 2), np.nan)
    body[[2, 3, 8, 9, 12]] = [[10, 60], [38, 60], [10, 12], [38, 12], [24, 4]]
    body[[0, 5, 14]] = [[10, 94], [38, 94], [24, 1]]
    return np.array([body + PLACES[p] for p in places]).reshape(-1, JOINTS, 2)


def _ones(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(count, np.float32), np.zeros(count, np.int64)


def _step(kind: str, head: AssociationHead, features: torch.Tensor, *places: str) -> dict[int, int]:
    count = len(places)
    if kind == "boxes":
        joined = head.boxes(features, _boxes(*places), *_ones(count))
    elif kind == "masks":
        joined = head.masks(features, _masks(*places), *_ones(count))
    else:
        joined = head.poses(features, _poses(*places), _ones(count)[0], SIZE)
    return dict(zip(joined.detections.tolist(), joined.identities.tolist(), strict=True))


@pytest.mark.parametrize("similarity", ["rsm", "gpf"])
@pytest.mark.parametrize(("task", "kind"), [("mot", "boxes"), ("mots", "masks"), ("vis", "masks"), ("pose", "poses")])
def test_identities_go_with_the_looks(task: str, kind: str, similarity: str) -> None:
    options = TASKS[task].model_copy(update={"motion": "none", "similarity": similarity})
    head = AssociationHead(task, frame_rate=6, options=options)  # type: ignore[arg-type]
    assert _step(kind, head, _map(a="left", b="right"), "left", "right") == {0: 1, 1: 2}
    assert _step(kind, head, _map(a="left", b="right")) == {}
    assert _step(kind, head, _map(b="left", a="right"), "left", "right") == {0: 2, 1: 1}
    assert _step(kind, head, _map(b="left"), "left") == {0: 2}


@pytest.mark.parametrize("task", ["mots", "vis"])
def test_a_second_mask_on_the_same_spot_is_left_out_and_counted(task: str) -> None:
    head = AssociationHead(task, frame_rate=6)  # type: ignore[arg-type]
    assert _step("masks", head, _map(a="left"), "left", "left") == {0: 1}
    assert head.unusable == 1


def test_masks_and_poses_of_nothing_are_left_out() -> None:
    features = _map(a="left")
    empty = of_masks(features, torch.zeros(1, *SIZE, dtype=torch.bool), *_ones(1))
    nobody = of_poses(features, np.full((1, JOINTS, 2), np.nan), _ones(1)[0], SIZE)
    for seen in (empty, nobody):
        assert seen.looks.counts == (0,)
        assert not seen.boxes.any()
    assert of_poses(features, np.zeros((0, JOINTS, 2)), _ones(0)[0], SIZE).boxes.shape == (0, 4)


@pytest.mark.parametrize("similarity", ["rsm", "gf", "cf"])
def test_features_that_are_not_finite_join_nobody_and_are_counted(similarity: str) -> None:
    options = TASKS["mot"].model_copy(update={"motion": "none", "similarity": similarity})
    head = AssociationHead("mot", frame_rate=6, options=options)
    assert _step("boxes", head, _map(a="left"), "left") == {0: 1}
    assert _step("boxes", head, torch.full((64, 20, 30), torch.nan), "left") == {}
    assert head.broken == 600
    assert _step("boxes", head, _map(a="right"), "right") == {0: 1}


def test_global_features_take_boxes_that_leave_the_image() -> None:
    head = AssociationHead("mot", frame_rate=6, options=TASKS["mot"].model_copy(update={"similarity": "gf"}))
    boxes = _boxes("left") - np.array([60, 0, 60, 0], np.float32)
    assert head.boxes(_map(a="left"), boxes, *_ones(1)).identities.tolist() == [1]


def test_looks_are_kept_at_half_precision_and_unit_length() -> None:
    looks = box_looks(_map(a="left"), torch.from_numpy(_boxes("left", "right")), 8)
    assert (looks.dtype, tuple(looks.shape)) == (torch.float16, (2, 40, 64))
    assert torch.allclose(looks.float().norm(dim=2), torch.ones(2, 40), atol=2e-3)
