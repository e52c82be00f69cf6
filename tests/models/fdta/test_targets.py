"""Targets of clips: boxes, people, gradients, depth and peaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.fdta.network import HEAT_STRIDES as NETWORKS
from models.fdta.targets import HEAT_STRIDES, learnt_depth, make_targets, trim
from pipeline.contract.clips import TrainingClip, TrainingFrame
from tests.models.fdta.samples import PEOPLE, batch, frame, small_options, walk


def test_boxes_are_clipped_to_the_image_in_centre_form() -> None:
    shown = frame([[-8, 16, 24, 48], [100, 0, 120, 20], [48, 32, 144, 64]])  # cut, outside, cut
    targets = make_targets(TrainingClip((shown,)), small_options())
    assert targets["valid"][0].tolist() == [True, True] + [False] * 6
    expected = [[12 / 96, 0.5, 0.25, 0.5], [0.75, 0.75, 0.5, 0.5]]
    np.testing.assert_allclose(targets["boxes"][0, :2], expected, atol=1e-6)
    assert not targets["boxes"][0, 2:].any()


def test_ignored_boxes_are_not_learnt() -> None:
    shown = frame(PEOPLE)
    ignoring = TrainingFrame(shown.image, shown.boxes, shown.identities, np.array([False, True, False]), shown.depth)
    targets = make_targets(TrainingClip((ignoring,)), small_options())
    assert targets["valid"].sum() == 2
    assert not targets["background"][0, 0, 4, 12], "nothing is learnt from absence inside an ignored box"
    assert targets["background"][0, 0, 1, 1]


def test_people_keep_their_column_through_the_clip() -> None:
    frames = (frame(PEOPLE, [7, 3, -1]), frame(PEOPLE[:2], [3, 9]), frame(PEOPLE, [9, 7, 7]))
    people = make_targets(TrainingClip(frames, video=True), small_options())["people"]
    assert people[:, :3].tolist() == [[0, 1, -1], [1, 2, -1], [2, 0, -1]]  # unknown, and the second box of one person: -1
    assert (people[:, 3:] == -1).all()


def test_as_many_frames_have_gradients_as_asked_and_the_seed_says_which() -> None:
    options = small_options(loss={"gradient_frames": 2})
    chosen = [make_targets(walk(5, seed=seed), options)["gradients"] for seed in range(40)]
    assert {int(row.sum()) for row in chosen} == {2}
    assert len({tuple(row) for row in chosen}) == 10
    assert np.array_equal(chosen[3], make_targets(walk(5, seed=3), options)["gradients"])
    assert make_targets(walk(1), small_options(loss={"gradient_frames": 0}))["gradients"].tolist() == [True]


def test_stills_have_no_trajectories() -> None:
    assert not {"labels", "past", "answers"} & set(make_targets(walk(1), small_options()))


def test_clips_beyond_the_time_table_are_refused() -> None:
    with pytest.raises(ValueError, match="6 frames for a time table of 5"):
        make_targets(walk(6), small_options())


@pytest.mark.parametrize(
    ("space", "stored", "learnt"),
    [
        ("stored", [0.0, 2.0, 100.0], [0.0, 2.0, 100.0]),
        ("inverse", [0.0, 2.0, 100.0], [0.0, 255.0, 5.1]),  # nearest at depth_near = 2
        ("inverse", [1.0, 4.0, 8.0], [255.0, 127.5, 63.75]),  # what is nearer still is 255
    ],
)
def test_depth_is_learnt_in_either_space(space: str, stored: list[float], learnt: list[float]) -> None:
    network = small_options(depth_space=space, depth_near=2.0).network
    np.testing.assert_allclose(learnt_depth(np.array([stored], np.float32), network)[0], learnt, rtol=1e-6)


def test_depth_is_resized_without_mixing_what_is_unknown() -> None:
    shown = frame(PEOPLE)
    half = np.full((4, 6), 8.0, np.float32)
    half[:, :3] = 0
    coarse = TrainingFrame(shown.image, shown.boxes, shown.identities, shown.ignore, half)
    unknown, background = (
        make_targets(TrainingClip((coarse,)), small_options(loss={"depth_zero": zero}))["depth"][0] for zero in ("unknown", "background")
    )
    assert unknown.shape == background.shape == (8, 12)
    assert set(unknown.flatten().tolist()) == {0.0, 8.0}
    assert ((background > 0) & (background < 8)).any(), "as released, bilinear"


def test_foreground_covers_each_cell_that_a_box_touches() -> None:
    inside = make_targets(TrainingClip((frame([[9, 15, 17, 24]]),)), small_options())["foreground"][0]
    assert np.argwhere(inside).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_peaks_lie_at_the_centres_of_clipped_boxes() -> None:
    targets = make_targets(TrainingClip((frame([[8, 8, 24, 24]]),)), small_options())
    assert targets["heatmap"][0, 0, 4, 4] == 1
    assert targets["cells"][0, 0] == 4 * 24 + 4
    np.testing.assert_allclose(targets["sides"][0, 0], [2, 2, 2, 2])
    assert HEAT_STRIDES == NETWORKS


def test_trimming_keeps_what_is_used_in_any_clip() -> None:
    options = small_options()
    trimmed = batch([walk(5, PEOPLE[:1]), walk(5, PEOPLE, seed=1)], options).targets
    assert trimmed["boxes"].shape == (2, 5, 3, 4)
    assert trimmed["labels"].shape == (2, 3, 3)
    assert trimmed["past"].shape == trimmed["answers"].shape == (2, 3, 5, 3)
    nobody = trim({name: torch.from_numpy(x[None]) for name, x in make_targets(walk(5, []), options).items()})
    assert nobody["boxes"].shape == (1, 5, 1, 4)
    assert nobody["labels"].shape == (1, 3, 1)
