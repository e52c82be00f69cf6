"""Scene to frames: people and occluders composited from far to near, with labels measured on the instance masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.params.classes import CYCLIST, PEDESTRIAN
from pipeline.walkers import gait, riding
from pipeline.walkers.backdrop import paint_backdrop
from pipeline.walkers.bicycle import Bicycle
from pipeline.walkers.camera import Array, Camera
from pipeline.walkers.draw import Figure, View, draw_figure
from pipeline.walkers.joints import NAMES, keypoints
from pipeline.walkers.light import shadow_mask
from pipeline.walkers.occluders import Sprite, draw_occluder, turn_sprite
from pipeline.walkers.people import Image
from pipeline.walkers.scene import Scene

DEPTH_STRIDE = 4
NEAREST = 1.2  # metres; nearer people would fill the image
OPAQUE = 127  # alpha above which a pixel belongs to a person
NOISE_MARGIN = 61
InstanceMap = NDArray[np.uint16]


class Seen(NamedTuple):
    """The visible pixels of a person: (h, w) uint8, 0 or 1, of the image from column `left` and row `top` on."""

    left: int
    top: int
    pixels: Image


class Labels(NamedTuple):
    """The people of one frame, at least partly in the image.

    Attributes:
        identities: (N,) int64 from 1.
        boxes: (N, 4) float64 xyxy pixels of the whole silhouette, hidden and cut parts included.
        visible_boxes: (N, 4) float64 xyxy pixels of what can be seen; zeros where nothing can.
        head_boxes: (N, 4) float64 xyxy pixels.
        visibilities: (N,) float64, visible pixels divided by all pixels of the silhouette, also those outside the image.
        insides: (N,) float64, pixels inside the image, hidden or not, divided by all pixels.
        classes: (N,) int64, pedestrian or cyclist, by the numbers of `pipeline.params.classes`.
        masks: (N,) `Seen`, empty where nothing can be seen.
        keypoints: (N, 17, 3) float64, see `joints.keypoints`; zeros unless they were asked for.
    """

    identities: NDArray[np.int64]
    boxes: Array
    visible_boxes: Array
    head_boxes: Array
    visibilities: Array
    insides: Array
    classes: NDArray[np.int64]
    masks: NDArray[np.object_]
    keypoints: Array

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Labels:
        """The people chosen by a mask or indices."""
        return self._replace(**{name: column[index] for name, column in self._asdict().items()})


class Thing(NamedTuple):
    """What is seen of a standing thing: its number among the scene's occluders, from 0, and its visible pixels."""

    number: int
    mask: Seen


class Rendered(NamedTuple):
    """One frame.

    Attributes:
        image: (H, W, 3) uint8, blue-green-red.
        labels: of the people.
        depth: (H // 4, W // 4) float64 metres along the optical axis.
        things: standing things of which something is seen; none unless they were asked for.
    """

    image: Image
    labels: Labels
    depth: Array
    things: tuple[Thing, ...] = ()


class Layer(NamedTuple):
    """Something to composite; `person` is its index from 0, or -1 for an occluder, which has no `view` and whose index is `thing`."""

    depth: float
    person: int
    drawn: Figure | Sprite
    view: View | None = None
    thing: int = -1


def render(scene: Scene, *, joints: bool = False, things: bool = False) -> Iterator[Rendered]:
    """Draw the frames of a scene in order.

    Args:
        scene: what is drawn.
        joints: whether labels hold people's joints (`Labels.keypoints`).
        things: whether frames list the visible standing things (`Rendered.things`).
    """
    widest = max(abs(camera.yaw) + abs(camera.pitch - scene.camera.pitch) for camera in scene.cameras)
    margin = 0 if widest == 0 else int(np.ceil(1.3 * scene.camera.focal * np.tan(widest))) + 8
    wide = scene.camera.widened(margin)
    empty = paint_backdrop(scene.backdrop, wide)
    sprites = [draw_occluder(occluder, wide) for occluder in scene.occluders]
    rng = np.random.default_rng([*scene.seed, 1])
    noise = _noise_bank(rng, scene)
    for index, camera in enumerate(scene.cameras):
        image = empty.copy() if margin == 0 else _turned(empty, wide, camera)
        bodies, bicycles = _bodies(scene, index)
        seconds = index / scene.rate
        shadows = shadow_mask(scene.light, camera, bodies, scene.stature, _uprights(scene), seconds, bicycles)
        image = np.asarray(cv2.multiply(image, shadows, scale=1 / 255), np.uint8)
        layers = _people(scene, camera, bodies, bicycles, index) + _standing(scene, sprites, wide, camera)
        layers.sort(key=lambda layer: (-layer.depth, layer.person))
        instances = _composite(image, layers)
        labels = _labels(scene, layers, instances, joints)
        shown = _things(layers, instances) if things else ()
        yield Rendered(_exposed(scene, image, noise, rng, seconds), labels, _depth(scene, camera, layers, instances), shown)


def _bodies(scene: Scene, index: int) -> tuple[Array, riding.Bicycles | None]:
    """(P, 17, 3) joints of a frame's people, and the bicycles of the last ones."""
    tracks, stature = scene.tracks, scene.stature
    pose = (tracks.positions[index], tracks.headings[index], tracks.phases[index])
    if not scene.cyclists:
        return gait.skeletons(*pose, tracks.efforts[index], stature), None
    walking = len(stature) - scene.cyclists
    position, heading, phase = (column[walking:] for column in pose)
    afoot = gait.skeletons(pose[0][:walking], pose[1][:walking], pose[2][:walking], tracks.efforts[index][:walking], stature[:walking])
    riders = riding.skeletons(position, heading, phase, stature[walking:])
    return np.concatenate([afoot, riders]), riding.bicycles(position, heading, phase)


def _people(scene: Scene, camera: Camera, joints: Array, bicycles: riding.Bicycles | None, index: int) -> list[Layer]:
    pixels, depths = camera.project(joints)
    heading = scene.tracks.headings[index]
    position = scene.tracks.positions[index]
    # Angle of the direction from the person to the camera, so that facing is right at the image's edges too.
    toward = np.arctan2(-position[:, 0], -position[:, 1])
    light = scene.light.across()
    layers = []
    for person, look in enumerate(scene.looks):
        depth = float(depths[person, gait.PELVIS])
        if depths[person].min() < NEAREST or not _near_image(pixels[person], camera):
            continue
        turn = float(heading[person] - toward[person])
        view = View(pixels[person], camera.focal / depth, float(np.cos(turn)), float(-np.sin(turn)), light)
        layers.append(Layer(depth, person, draw_figure(look, view, _mount(scene, camera, bicycles, person, view.scale)), view))
    return layers


def _mount(scene: Scene, camera: Camera, bicycles: riding.Bicycles | None, person: int, scale: float) -> Bicycle | None:
    """The bicycle of a person as the camera sees it, for those who ride."""
    number = person - (len(scene.looks) - scene.cyclists)
    if bicycles is None or number < 0:
        return None
    rims, frame, bar, pedals = (camera.project(part[number])[0] for part in bicycles)
    return Bicycle(rims, frame, bar, pedals, scale, scene.looks[person].accent)


def _near_image(pixels: Array, camera: Camera) -> bool:
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    pad = 0.25 * (high[1] - low[1])
    return bool(high[0] > -pad and low[0] < camera.width + pad and high[1] > -pad and low[1] < camera.height + pad)


def _standing(scene: Scene, sprites: list[Sprite], wide: Camera, camera: Camera) -> list[Layer]:
    if wide == camera:
        return [Layer(sprite.depth, -1, sprite, thing=index) for index, sprite in enumerate(sprites)]
    layers = []
    for index, (occluder, sprite) in enumerate(zip(scene.occluders, sprites, strict=True)):
        depth = float(camera.project(np.array([occluder.x, 0.0, occluder.z]))[1])
        turned = turn_sprite(sprite, wide, camera, depth)
        if turned is not None:
            layers.append(Layer(depth, -1, turned, thing=index))
    return layers


def _composite(image: Image, layers: list[Layer]) -> InstanceMap:
    """Paint the layers in place; returns for each pixel 1 + the index of the layer seen there, 0 for the empty scene."""
    instances = np.zeros(image.shape[:2], np.uint16)
    for number, layer in enumerate(layers, start=1):
        window = _window(layer.drawn, image.shape)
        if window is None:
            continue
        (top, bottom, left, right), pixels = window
        alpha = pixels[..., 3]
        through = cv2.bitwise_not(alpha)
        target = image[top:bottom, left:right]
        kept = cv2.multiply(target, cv2.merge([through, through, through]), scale=1 / 255)
        cv2.add(kept, cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), dst=target)
        np.copyto(instances[top:bottom, left:right], np.uint16(number), where=alpha > OPAQUE)
    return instances


def _window(drawn: Figure | Sprite, shape: tuple[int, ...]) -> tuple[tuple[int, int, int, int], Image] | None:
    """Where a drawing overlaps an image of a shape, (top, bottom, left, right), and that part of the drawing."""
    rows, columns = drawn.pixels.shape[:2]
    top, left = max(drawn.top, 0), max(drawn.left, 0)
    bottom, right = min(drawn.top + rows, shape[0]), min(drawn.left + columns, shape[1])
    if top >= bottom or left >= right:
        return None
    return (top, bottom, left, right), drawn.pixels[top - drawn.top : bottom - drawn.top, left - drawn.left : right - drawn.left]


def _labels(scene: Scene, layers: list[Layer], instances: InstanceMap, joints: bool) -> Labels:
    visible = np.bincount(instances.ravel(), minlength=len(layers) + 1)
    rows = []
    for number, layer in enumerate(layers, start=1):
        figure = layer.drawn
        window = None if isinstance(figure, Sprite) else _window(figure, instances.shape)
        if window is None or isinstance(figure, Sprite):
            continue
        (top, bottom, left, right), pixels = window
        whole = max(1, int(np.count_nonzero(figure.pixels[..., 3] > OPAQUE)))
        inside = int(np.count_nonzero(pixels[..., 3] > OPAQUE))
        if inside == 0:
            continue
        mask = _seen(instances, number, (top, bottom, left, right))
        height, width = mask.pixels.shape
        shown = np.array([mask.left, mask.top, mask.left + width, mask.top + height], float) if width else np.zeros(4)
        points = _keypoints(scene, layer, instances, number) if joints else np.zeros((len(NAMES), 3))
        rows.append((layer.person, figure.box, shown, figure.head, visible[number] / whole, inside / whole, mask, points))
    rows.sort(key=lambda row: row[0])
    return _columns(scene, rows)


def _things(layers: list[Layer], instances: InstanceMap) -> tuple[Thing, ...]:
    found = []
    for number, layer in enumerate(layers, start=1):
        window = _window(layer.drawn, instances.shape) if layer.thing >= 0 else None
        mask = _seen(instances, number, window[0]) if window else None
        if mask is not None and mask.pixels.size:
            found.append(Thing(layer.thing, mask))
    return tuple(sorted(found, key=lambda thing: thing.number))


def _seen(instances: InstanceMap, number: int, window: tuple[int, int, int, int]) -> Seen:
    """The pixels of layer `number` in a window (top, bottom, left, right), cut to what is seen."""
    top, bottom, left, right = window
    seen = (instances[top:bottom, left:right] == number).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(seen)
    return Seen(left + x, top + y, np.asarray(seen[y : y + height, x : x + width], np.uint8))


def _columns(scene: Scene, rows: list[tuple[int, Array, Array, Array, float, float, Seen, Array]]) -> Labels:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    people = np.array(columns[0], np.int64)
    boxes, shown_boxes, heads = (np.array(column, float).reshape(-1, 4) for column in columns[1:4])
    masks = np.empty(len(rows), object)
    for index, mask in enumerate(columns[6]):
        masks[index] = mask
    classes = np.where(people >= len(scene.looks) - scene.cyclists, CYCLIST, PEDESTRIAN)
    points = np.array(columns[7], float).reshape(-1, len(NAMES), 3)
    shares = np.array(columns[4], float), np.array(columns[5], float)
    return Labels(people + 1, boxes, shown_boxes, heads, *shares, classes, masks, points)


def _keypoints(scene: Scene, layer: Layer, instances: InstanceMap, number: int) -> Array:
    assert layer.view is not None, "an occluder has no joints"
    return keypoints(layer.view, scene.looks[layer.person].stature * layer.view.scale, instances, number)


def _depth(scene: Scene, camera: Camera, layers: list[Layer], instances: InstanceMap) -> Array:
    empty = camera.surface_depth(scene.backdrop.distance, DEPTH_STRIDE)
    sampled = instances[DEPTH_STRIDE // 2 :: DEPTH_STRIDE, DEPTH_STRIDE // 2 :: DEPTH_STRIDE][: empty.shape[0], : empty.shape[1]]
    table = np.array([0.0] + [layer.depth for layer in layers])
    return np.asarray(np.where(sampled > 0, table[sampled], empty))


def _turned(empty: Image, wide: Camera, camera: Camera) -> Image:
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    matrix = np.linalg.inv(half) @ wide.homography(camera) @ half
    turned = cv2.warpPerspective(empty, matrix, (camera.width, camera.height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _uprights(scene: Scene) -> Array:
    rows = [[item.x, item.z, item.half, min(item.height, 4.0)] for item in scene.occluders]
    return np.array(rows, float).reshape(-1, 4)


def _noise_bank(rng: np.random.Generator, scene: Scene) -> tuple[Image, Image]:
    """Brighter and darker parts of one noise picture, larger than a frame, that each frame cuts elsewhere."""
    shape = (scene.camera.height + NOISE_MARGIN, scene.camera.width + NOISE_MARGIN, 3)
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(scene.light.noise)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8), np.clip(np.rint(-noise), 0, 255).astype(np.uint8)


def _exposed(scene: Scene, image: Image, noise: tuple[Image, Image], rng: np.random.Generator, seconds: float) -> Image:
    """Lens softness, exposure and sensor noise."""
    soft = cv2.GaussianBlur(image, (3, 3), scene.light.blur)
    lit = cv2.LUT(soft, scene.light.exposure(seconds))
    y, x = (int(v) for v in rng.integers(NOISE_MARGIN, size=2))
    window = (slice(y, y + image.shape[0]), slice(x, x + image.shape[1]))
    return np.asarray(cv2.subtract(cv2.add(lit, noise[0][window]), noise[1][window]), np.uint8)
