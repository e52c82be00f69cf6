"""Augmentation: boxes and depth follow the picture, partners stay near, colours stay in range."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.contract.clips import TrainingFrame
from pipeline.feeding import augment
from pipeline.feeding.augment import BORDER, View, draw_views, letterbox, show, warp_boxes
from pipeline.numerics.jit import compiled
from pipeline.numerics.kernels.warp import warp
from tests.pipeline.tiny import AUGMENT

WIDTH, HEIGHT = 256, 160


def frame(boxes: list[list[float]], *, width: int = 320, height: int = 180) -> TrainingFrame:
    """A grey picture with a red rectangle a box; depth 5 on boxes, 2 elsewhere."""
    image = np.full((height, width, 3), 60, np.uint8)
    depth = np.full((height // 4, width // 4), 2.0, np.float32)
    for left, top, right, bottom in np.array(boxes).round().astype(int).clip(0):
        image[top:bottom, left:right] = (250, 20, 20)
        depth[top // 4 : bottom // 4, left // 4 : right // 4] = 5.0
    count = len(boxes)
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return TrainingFrame(image, array, np.arange(count), np.zeros(count, bool), depth)


def seen_box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def shown(source: TrainingFrame, view: View) -> TrainingFrame:
    return show(source, view, width=WIDTH, height=HEIGHT, depth_stride=4)


def test_without_augmentation_the_picture_is_letterboxed() -> None:
    result = shown(frame([[40, 40, 120, 140]]), View())
    np.testing.assert_allclose(result.boxes, [[32, 40, 96, 120]], atol=1e-4)  # scale 0.8, 8 rows above
    assert (result.image[:7] == BORDER).all()
    assert (result.image[-7:] == BORDER).all()
    np.testing.assert_allclose(seen_box(result.image[..., 0] > 155), [32, 40, 96, 120], atol=1)
    assert (letterbox(320, 180, WIDTH, HEIGHT) == [[0.8, 0, 0], [0, 0.8, 8], [0, 0, 1]]).all()


def test_an_image_at_input_size_passes_untouched() -> None:
    source = frame([[40, 40, 120, 140]], width=WIDTH, height=HEIGHT)
    result = shown(source, View())
    assert (result.image == source.image).all()
    assert (result.depth == source.depth).all()


@pytest.mark.parametrize("seed", range(12))
def test_boxes_and_depth_follow_the_picture(seed: int) -> None:
    view = replace(draw_views(np.random.default_rng(seed), AUGMENT, 1, "perturbed")[0], rotation=0.0, shear_x=0.0, shear_y=0.0)
    source = frame([[120, 60, 200, 124]])
    result = shown(source, view)
    assert result.depth is not None
    visible = np.clip(result.boxes, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])[0]
    np.testing.assert_allclose(seen_box(result.image[..., 0].astype(int) - result.image[..., 1] > 40), visible, atol=1.5)
    np.testing.assert_allclose(4 * seen_box(result.depth == 5.0), visible, atol=4)
    assert set(np.unique(result.depth)) <= {0.0, 2.0, 5.0}, "nearest, so no depth is made up"


@pytest.mark.parametrize("flip", [False, True])
def test_a_rotated_box_is_centred_on_its_object(flip: bool) -> None:
    result = shown(frame([[140, 70, 180, 110]]), View(rotation=20.0, scale=1.2, shear_x=2.0, flip=flip))
    red = result.image[..., 0] > 155
    rows, columns = np.nonzero(red)
    left, top, right, bottom = result.boxes[0]
    np.testing.assert_allclose([(left + right) / 2, (top + bottom) / 2], [columns.mean() + 0.5, rows.mean() + 0.5], atol=0.5)


def test_rotation_shrinks_the_hull() -> None:
    identity = np.eye(3)
    box = np.array([[0, 0, 40, 20]], np.float32)
    assert warp_boxes(box, identity, 0.0).tolist() == [[0, 0, 40, 20]]
    sides = np.diff(warp_boxes(box, identity, 45.0).reshape(2, 2), axis=0)[0]
    np.testing.assert_allclose(sides, np.array([40, 20]) * 2**-0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ([100, 40, 140, 120], True),
        ([-60, 40, 20, 120], True),  # a quarter is seen, and the box stays whole
        ([-90, 40, 5, 120], False),  # a twentieth is seen
        ([100, 40, 102, 60], False),  # narrower than two pixels of the input
        ([100, 10, 105, 90], False),  # sixteen times as high as wide
        ([400, 40, 480, 120], False),  # outside
    ],
)
def test_which_boxes_stay(box: list[float], kept: bool) -> None:
    result = shown(frame([box, [10, 10, 60, 110]]), View())
    assert result.identities.tolist() == ([0, 1] if kept else [1])
    if kept:
        np.testing.assert_allclose(result.boxes[0], np.array(box) * 0.8 + [0, 8, 0, 8], atol=1e-4)


def test_a_frame_without_objects() -> None:
    result = shown(frame([]), View(scale=0.7, flip=True))
    assert result.boxes.shape == (0, 4)
    assert result.boxes.dtype == np.float32


def test_views_stay_in_range_and_partners_near() -> None:
    for seed in range(300):
        first, second = draw_views(np.random.default_rng(seed), AUGMENT, 2, "perturbed")
        assert abs(first.rotation) <= 5
        assert 0.5 <= first.scale <= 1.2
        assert max(abs(first.shear_x), abs(first.shear_y)) <= 2
        assert max(abs(first.shift_x), abs(first.shift_y)) <= 0.1
        assert first.flip == second.flip
        assert 0 <= second.rotation - first.rotation <= 2.0  # a fifth of the range of 10 degrees
        assert 0 <= second.scale - first.scale <= 0.14
        assert 0 <= second.shear_x - first.shear_x <= 0.8
        assert abs(second.shift_x - first.shift_x) <= 0.02
        assert first.value != second.value


def test_partners_of_other_scenes_are_independent() -> None:
    views = [draw_views(np.random.default_rng(seed), AUGMENT, 2, "independent") for seed in range(400)]
    scales = np.array([[view.scale for view in pair] for pair in views])
    assert abs(np.corrcoef(scales.T)[0, 1]) < 0.15
    assert 0.4 < np.mean([first.flip == second.flip for first, second in views]) < 0.6
    assert 0.4 < np.mean([first.flip for first, _ in views]) < 0.6


@pytest.mark.parametrize("seed", range(8))
def test_pixels_are_those_of_plain_colours_and_a_plain_warp(seed: int) -> None:
    """The reference: saturation and value in HSV of floats, to a rounding, then a warp of the three channels."""
    random = np.random.default_rng(seed)
    image = cv2.resize(random.integers(0, 256, (45, 80, 3), np.uint8), (320, 180), interpolation=cv2.INTER_CUBIC)
    image[: seed * 20] = random.integers(0, 256, 3)
    view = draw_views(random, AUGMENT, 1, "perturbed")[0]
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV) * np.float32([1, view.saturation, view.value])
    coloured = cv2.cvtColor(hsv.clip(0, [360, 1, 1]).astype(np.float32), cv2.COLOR_HSV2RGB) * 255
    matrix = augment._between_centres(augment._affine(view, WIDTH, HEIGHT) @ letterbox(320, 180, WIDTH, HEIGHT))
    warped = cv2.warpAffine(coloured.round().astype(np.uint8), matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=(BORDER,) * 3)
    source = replace(frame([]), image=image)
    assert np.abs(shown(source, view).image.astype(int) - warped).max() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_four_channels_are_warped_as_three(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (180, 320, 3), np.uint8)
    view = replace(draw_views(random, AUGMENT, 1, "perturbed")[0], saturation=1.0, value=1.0)
    matrix = augment._between_centres(augment._affine(view, WIDTH, HEIGHT) @ letterbox(320, 180, WIDTH, HEIGHT))
    warped = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=(BORDER,) * 3)
    assert (shown(replace(frame([]), image=image), view).image == warped).all()


def test_colour_scales_saturation_and_brightness() -> None:
    source = frame([])
    source.image[:] = (200, 100, 100)
    dark = shown(source, View(value=0.5)).image[HEIGHT // 2, WIDTH // 2].astype(int)
    assert dark.tolist() == [100, 50, 50]
    grey = shown(source, View(saturation=0.0)).image[HEIGHT // 2, WIDTH // 2].astype(int)
    assert grey.tolist() == [200, 200, 200]
    bright = shown(source, View(value=1.5)).image[HEIGHT // 2, WIDTH // 2].astype(int)
    assert bright.tolist() == [255, 128, 128]


def test_frames_as_the_loader_shows_them_compile_nothing_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = compiled(warp.py_func)  # for which other tests have compiled nothing
    monkeypatch.setattr(augment, "warp", fresh)
    augment.warm_up()
    assert len(fresh.signatures) == 1
    batch = np.zeros((2, HEIGHT, WIDTH, 3), np.uint8)
    image = cv2.imdecode(cv2.imencode(".jpg", frame([]).image)[1], cv2.IMREAD_COLOR_RGB)
    assert image is not None
    for room, view in zip(batch, draw_views(np.random.default_rng(0), AUGMENT, 2, "perturbed"), strict=True):
        show(replace(frame([]), image=image.astype(np.uint8, copy=False)), view, width=WIDTH, height=HEIGHT, depth_stride=4, out=room)
    assert len(fresh.signatures) == 1


def test_one_scene_may_be_seen_in_one_view_or_in_views_of_their_own() -> None:
    shared = draw_views(np.random.default_rng(1), AUGMENT, 5, "shared")
    assert len(set(shared)) == 1
    assert shared[0] == draw_views(np.random.default_rng(1), AUGMENT, 1, "perturbed")[0], "the same first draw"
    alone = draw_views(np.random.default_rng(1), AUGMENT, 40, "independent")
    assert np.std([view.rotation for view in alone]) > 2, "over all of -5 to 5 degrees"
    assert 0 < sum(view.flip for view in alone) < 40
