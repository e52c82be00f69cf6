"""Golden radii, what is drawn where, and who takes no part."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.dense.targets import SLOTS, gaussian_radius, learnt_boxes, trim
from models.occlusion.labels import occluded_regions
from models.outrack.targets import make_targets
from pipeline.contract.clips import TrainingClip
from tests.models.centertrack import samples as centertrack
from tests.models.outrack.samples import EMPTY, PEOPLE, batch, frame, mixed_batch, small_options


@pytest.mark.parametrize(
    ("height", "width", "radius"), [(10, 10, 2.733), (10, 4, 1.586), (4, 10, 1.586), (50, 50, 13.666), (200, 200, 54.664)]
)
def test_radius_is_centernets(height: int, width: int, radius: float) -> None:
    assert gaussian_radius(np.array([height]), np.array([width]))[0] == pytest.approx(radius, abs=1e-3)


def test_heat_map_peaks_and_falls_as_a_gaussian() -> None:
    box = [10.0, 4, 50, 44]  # centre (30, 24), 10x10 cells: radius 2, sigma 5/6
    targets = make_targets(TrainingClip((frame([box]),)), small_options())
    heat = targets["heatmap"][0, 0]
    assert heat.shape == (16, 24)
    assert heat[6, 7] == 1
    assert (heat == 1).sum() == 1
    sigma = 5 / 6
    assert heat[6, 9] == pytest.approx(math.exp(-4 / (2 * sigma**2)), rel=1e-5)
    assert heat[5, 6] == pytest.approx(math.exp(-2 / (2 * sigma**2)), rel=1e-5)
    assert heat[6, 10] == 0


def test_sizes_and_offsets_give_the_amodal_box_back() -> None:
    boxes = np.array([[-13, 3.5, 22, 90], [60.2, -7, 99, 41]], np.float32)  # both leave the image
    targets = make_targets(TrainingClip((frame(boxes),)), small_options())
    cells, offset, size = targets["object_cells"][0, :2], targets["offset"][0, :2], targets["size"][0, :2]
    centres = np.stack([cells % 24, cells // 24], 1) + offset
    assert np.concatenate([centres - size[:, :2], centres + size[:, 2:]], 1) * 4 == pytest.approx(boxes, abs=1e-4)
    assert targets["object_valid"][0].tolist() == [True, True] + [False] * 6


def test_windows_at_the_border_are_cut_not_wrapped() -> None:
    corners = [[-40, -30, 42, 32], [56, 34, 134, 92]]  # centres at both ends of the map
    heat = make_targets(TrainingClip((frame(corners),)), small_options())["heatmap"][0, 0]
    assert heat[0, 0] == 1
    assert heat[15, 23] == 1
    assert heat[0, 23] == 0
    assert heat[15, 0] == 0


def test_ignored_empty_and_outside_boxes_are_not_learnt() -> None:
    boxes = [[8, 8, 24, 40], [30, 8, 46, 40], [50, 20, 50, 40], [-40, 0, 20, 30], [80, 0, 112, 30]]
    shown = frame(boxes, ignore=[False, True, False, False, False])
    assert learnt_boxes(shown, 8).tolist() == [boxes[0]]
    targets = make_targets(TrainingClip((shown,)), small_options())
    assert targets["object_valid"].sum() == 1
    background = targets["background"][0, 0]
    assert not background[2:10, 8:11].any()
    assert (~background).sum() == 8 * 5  # columns 7.5 to 11.5 touch five cells


def test_more_objects_than_slots_keeps_the_largest_in_order() -> None:
    boxes = [[i * 4, 10, i * 4 + 4 + i, 30] for i in range(12)]
    targets = make_targets(TrainingClip((frame(boxes),)), small_options())
    assert learnt_boxes(frame(boxes), 8).tolist() == boxes[4:]
    assert targets["object_valid"].all()


def test_identities_follow_the_boxes_that_are_learnt() -> None:
    options = small_options(loss={"reid": "classification"})
    boxes = [[8, 8, 24, 40], [30, 8, 46, 40], [50, 20, 50, 40], [-40, 0, 20, 30], [80, 0, 110, 30]]
    shown = frame(boxes, ignore=[True, False, False, False, False])
    nobody = replace(frame(PEOPLE), identities=np.array([40, -1, 7]))
    found = make_targets(TrainingClip((shown, nobody)), options)["object_identities"]
    assert found.dtype == np.int64
    assert found.tolist() == [[1, 4] + [-1] * 6, [40, -1, 7] + [-1] * 5]
    crowd = frame([[i * 4, 10, i * 4 + 4 + (i * 5) % 12, 30] for i in range(12)])
    targets = make_targets(TrainingClip((crowd,)), options)
    kept = targets["object_identities"][0]
    assert crowd.boxes[kept].tolist() == learnt_boxes(crowd, 8).tolist()
    assert (targets["size"][0, :, [0, 2]].sum(0) * 4).tolist() == [4 + (i * 5) % 12 for i in kept]


def test_an_empty_frame_has_empty_targets() -> None:
    targets = make_targets(TrainingClip((frame(EMPTY, depth=False), frame(PEOPLE))), small_options())
    assert targets["heatmap"][0].max() == 0
    assert not targets["object_valid"][0].any()
    assert not targets["foreground"][0].any()
    assert targets["depth"][0].max() == 0
    assert all(len(values) == 2 for values in targets.values())


def test_regions_need_more_than_the_threshold_of_the_smaller_box() -> None:
    whole, covered, half = [0, 0, 40, 100], [10, 20, 30, 90], [25, 0, 45, 100]
    regions = occluded_regions(np.array([whole, covered, half], np.float32), 0.75)
    assert regions.tolist() == [covered]  # `half` is covered by exactly 0.75 of its area
    assert occluded_regions(np.array([whole, covered, half], np.float32), 0.74).tolist() == [covered, [25, 0, 40, 100]]
    assert occluded_regions(np.zeros((0, 4), np.float32), 0.7).shape == (0, 4)


def test_occlusion_targets_mark_the_overlap_centre_once() -> None:
    targets = make_targets(TrainingClip((frame(PEOPLE),)), small_options())
    overlap = np.array([42, 14, 58, 58]) / 4
    x, y = (overlap[0] + overlap[2]) / 2, (overlap[1] + overlap[3]) / 2
    assert targets["occlusion_valid"].sum() == 1
    assert targets["occlusion_cells"][0, 0] == int(y) * 24 + int(x)
    assert targets["occlusion_offset"][0, 0] == pytest.approx([x % 1, y % 1])
    assert targets["occlusion"][0, 0, int(y), int(x)] == 1


def test_depth_keeps_unknown_apart_when_resized() -> None:
    shown = frame(PEOPLE)
    fine = np.full((16, 24), 7.0, np.float32)
    fine[:, ::3] = 0
    targets = make_targets(TrainingClip((type(shown)(shown.image, shown.boxes, shown.identities, shown.ignore, fine),)), small_options())
    assert targets["depth"].shape == (1, 8, 12)
    assert set(np.unique(targets["depth"])) == {0.0, 7.0}
    assert targets["foreground"][0, 2, 2]


def test_heads_that_are_off_need_no_targets() -> None:
    targets = make_targets(TrainingClip((frame(PEOPLE),)), small_options(occlusion=False, depth_head=False))
    assert sorted(targets) == ["background", "heatmap", "object_cells", "object_valid", "offset", "size"]


BATCHES = [mixed_batch(small_options()).targets, centertrack.mixed_batch(centertrack.small_options()).targets]


@pytest.mark.parametrize("whole", BATCHES, ids=["two frames", "one frame"])
def test_trimming_cuts_what_no_frame_of_a_batch_fills(whole: dict[str, torch.Tensor]) -> None:
    cut = trim(whole)
    axis = whole["object_valid"].ndim - 1
    counts = {"object_valid": 3, "occlusion_valid": 1}
    assert set(cut) == set(whole)
    for name, value in cut.items():
        aligned = [valid for valid, others in SLOTS.items() if name in (valid, *others)]
        assert torch.equal(value, whole[name].narrow(axis, 0, counts[aligned[0]]) if aligned else whole[name])
    for valid, count in counts.items():
        assert cut[valid].shape[axis] == count
        assert cut[valid].sum() == whole[valid].sum()


def test_a_batch_without_objects_keeps_a_slot() -> None:
    options = small_options()
    empty = TrainingClip((frame(EMPTY), frame(EMPTY, seed=1)))
    cut = trim(batch([empty, empty], options).targets)
    assert cut["object_cells"].shape == (2, 2, 1)
    assert cut["size"].shape == (2, 2, 1, 4)
    assert cut["occlusion_offset"].shape == (2, 2, 1, 2)
    assert not cut["object_valid"].any()
