"""A box followed by correlation: shifts, sizes, both heads, the released code's offset, and boxes that cannot be followed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models.unitrack.box_propagation import BoxPropagation
from models.unitrack.crops import crop
from models.unitrack.options import BoxOptions
from tests.models.unitrack.scenes import HEIGHT, PATCH, WIDTH, features, scene

SIZE = (WIDTH, HEIGHT)
SMALL = {"crop": 176, "context": 2.0}  # 22 cells, of which the object covers 11


def _start(options: BoxOptions, left: int = 48, top: int = 24) -> BoxPropagation:
    head = BoxPropagation(np.array([left, top, left + PATCH, top + PATCH]), SIZE, options)
    head.learn(_features(head, scene(left, top), head.template_region(), options)[0])
    return head


def _features(head: BoxPropagation, image: torch.Tensor, regions: np.ndarray, options: BoxOptions) -> torch.Tensor:
    return features(crop(image, torch.from_numpy(regions), options.crop))


def _step(head: BoxPropagation, image: torch.Tensor, options: BoxOptions) -> np.ndarray:
    box = head.locate(_features(head, image, head.search_regions(), options))
    if head.learns:
        head.learn(_features(head, image, head.template_region(), options)[0])
    return box


@pytest.mark.parametrize("kind", ["dcf", "xcorr"])
@pytest.mark.parametrize(("right", "down"), [(0, 0), (13, 0), (-13, 9), (4, -13)])
def test_a_moved_object_is_found_to_a_cell(kind: str, right: int, down: int) -> None:
    options = BoxOptions.model_validate({"head": kind, "scales": 1, **SMALL})
    head = _start(options)
    box = _step(head, scene(48 + right, 24 + down), options)
    cell = PATCH * 2.0 / 22
    assert np.abs(box - [48 + right, 24 + down, 96 + right, 72 + down]).max() <= cell / 2 + 1.5
    assert (box[2:] - box[:2]).tolist() == pytest.approx([PATCH, PATCH])


def test_an_object_is_followed_over_frames() -> None:
    options = BoxOptions.model_validate(SMALL)
    head = _start(options)
    for frame in range(1, 9):
        box = _step(head, scene(48 + 4 * frame, 24), options)
    assert abs(box[0] - 80) < 5
    assert abs(box[1] - 24) < 5


def test_the_released_offset_drifts_where_nothing_moves() -> None:
    """A cell too far up and to the left in every frame, of a region whose cells are taken for larger than they are."""
    exact = BoxOptions.model_validate({"head": "xcorr", "scales": 1, **SMALL})
    for offset, moved in (("exact", 0.0), ("release", -PATCH * 2.0 / 12)):  # 22 - 11 + 1 = 12 places
        options = exact.model_copy(update={"offset": offset})
        box = _step(_start(options), scene(48, 24), options)
        assert box[:2].tolist() == pytest.approx([48 + moved, 24 + moved])


def test_the_smallest_region_is_the_first_and_sizes_are_bounded() -> None:
    head = BoxPropagation(np.array([10, 10, 50, 30]), SIZE)
    sides = head.search_regions()[:, 2] - head.search_regions()[:, 0]
    assert sides.tolist() == pytest.approx([180 / 1.0275, 180, 180 * 1.0275])
    assert (head.template_region()[0]).tolist() == [30 - 90, 20 - 45, 30 + 90, 20 + 45]
    options = BoxOptions.model_validate({"scale_step": 3.0, "scale_penalty": 1.0, **SMALL})
    head = _start(options)
    for _ in range(4):
        maps = torch.zeros(3, 12, 22, 22)
        maps[2] = 1.0  # the largest scale answers most
        head.locate(maps)
    assert (head.box[2:] - head.box[:2]).tolist() == [WIDTH, HEIGHT]


def test_sixty_five_cells_have_the_released_template() -> None:
    head = BoxPropagation(np.array([10, 10, 50, 30]), SIZE, BoxOptions(head="xcorr"))
    head.learn(torch.arange(65.0)[None, :, None].expand(1, 65, 65))
    assert head._template is not None
    assert head._template[0, :, 0].tolist() == list(range(25, 39))


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [5, 9, 9, 5], [0, 0, math.nan, 4]])
def test_a_box_without_area_is_refused(box: list[float]) -> None:
    with pytest.raises(ValueError, match="must have an area"):
        BoxPropagation(np.array(box), SIZE)


def test_nothing_is_located_before_the_first_frame_is_shown() -> None:
    with pytest.raises(ValueError, match="first frame"):
        BoxPropagation(np.array([5, 5, 9, 9]), SIZE).locate(torch.zeros(3, 2, 9, 9))


def test_features_that_are_not_finite_move_nothing_to_nowhere() -> None:
    options = BoxOptions.model_validate({"scales": 1, **SMALL})
    head = _start(options)
    box = head.locate(torch.full((1, 12, 22, 22), torch.nan))
    assert np.isfinite(box).all()
    assert head.broken == 22 * 22
