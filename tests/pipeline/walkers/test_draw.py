from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.walkers import gait
from pipeline.walkers.camera import Camera
from pipeline.walkers.draw import Figure, View, draw_figure
from pipeline.walkers.people import Look, sample_looks

CAMERA = Camera(focal=600.0, width=640, height=360, altitude=3.0, pitch=0.25)
LOOK = replace(
    sample_looks(np.random.default_rng(2), 1)[0],
    stature=1.75,
    hat=None,
    bag="none",
    skin=(140, 172, 220),
    hair=(20, 20, 20),
    hair_style="short",
)


def figure(look: Look = LOOK, *, turn: float = 0.0, z: float = 9.0, phase: float = 0.0) -> Figure:
    """Facing the camera at turn 0, its right side at a quarter."""
    columns = (np.array([[0.0, z]]), np.array([np.pi + turn]), np.array([phase]), np.ones(1), np.array([look.stature]))
    pixels, depths = CAMERA.project(gait.skeletons(*columns)[0])
    view = View(pixels, CAMERA.focal / float(depths[gait.PELVIS]), np.cos(turn), -np.sin(turn), np.ones(32))
    return draw_figure(look, view)


def test_box_encloses_the_silhouette_tightly() -> None:
    drawn = figure()
    rows, columns = np.nonzero(drawn.pixels[..., 3] > 127)
    tight = [columns.min() + drawn.left, rows.min() + drawn.top, columns.max() + 1 + drawn.left, rows.max() + 1 + drawn.top]
    np.testing.assert_allclose(drawn.box, tight, atol=1.01)


def test_box_height_is_what_perspective_says() -> None:
    ends, _ = CAMERA.project(np.array([[0.0, 0.0, 9.0], [0.0, 1.75, 9.0]]))
    assert figure().box[3] - figure().box[1] == pytest.approx(ends[0, 1] - ends[1, 1], rel=0.08)


def test_twice_as_far_is_about_half_as_tall() -> None:
    near, far = figure(z=7.0).box, figure(z=14.0).box
    assert (near[3] - near[1]) / (far[3] - far[1]) == pytest.approx(2.0, rel=0.12)


def test_colours_are_premultiplied() -> None:
    pixels = figure().pixels
    assert (pixels[..., :3].max(axis=-1) <= pixels[..., 3].astype(int) + 1).all()


def test_a_face_is_seen_from_the_front_and_hair_from_behind() -> None:
    def bright(drawn: Figure) -> float:
        x0, y0, x1, y1 = (drawn.head - np.tile([drawn.left, drawn.top], 2)).round().astype(int)
        return float(drawn.pixels[y0:y1, x0:x1, :3].mean())

    assert bright(figure(turn=0.0)) > 1.5 * bright(figure(turn=np.pi))


def test_a_stride_seen_from_the_side_is_wider_than_from_the_front() -> None:
    front, side = figure(turn=0.0, phase=np.pi / 2).box, figure(turn=np.pi / 2, phase=np.pi / 2).box
    assert side[2] - side[0] > 1.2 * (front[2] - front[0])


@pytest.mark.parametrize("turn", np.linspace(0, 2 * np.pi, 5))
@pytest.mark.parametrize("bag", ["none", "backpack", "shoulder", "hand"])
@pytest.mark.parametrize("lower", ["trousers", "shorts", "skirt"])
def test_every_outfit_can_be_drawn_from_every_side(turn: float, bag: str, lower: str) -> None:
    drawn = figure(replace(LOOK, bag=bag, lower=lower, hat=(10, 10, 200), coat=0.2, hair_style="long"), turn=float(turn))
    assert (drawn.pixels[..., 3] > 127).sum() > 500
