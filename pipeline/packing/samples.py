"""One frame with its depth to one sample: the image at training size, boxes and depth to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.files import depth_codec, schema
from pipeline.files.depths import DepthRow
from pipeline.files.frames import PLAIN, Frame, decode_jpeg, encode_jpeg
from pipeline.files.schema import Extras
from pipeline.packing.shapes import scaled_joints, scaled_masks
from pipeline.params.classes import PEDESTRIANS, UNSCORED_PEOPLE, class_numbers


@dataclass(frozen=True)
class Shape:
    """Sizes that packing needs.

    Attributes:
        width: largest width of an image, pixels.
        height: largest height of an image, pixels.
        depth_stride: image pixels per cell of the depth map.
        jpeg_quality: of images that are made smaller.
        row_group_bytes: largest number of bytes that the images and depth maps of a row group take.
        shard_bytes: largest size of a shard in bytes, as estimated.
        classes: names of what is learnt, `pack_samples.classes`.
        masks: whether samples carry masks where frames do.
        keypoints: whether samples carry joints where frames do.
    """

    width: int
    height: int
    depth_stride: int
    jpeg_quality: int
    row_group_bytes: int
    shard_bytes: int
    classes: tuple[str, ...] = PEDESTRIANS
    masks: bool = False
    keypoints: bool = False

    def carried(self, frames: Extras) -> Extras:
        """The further columns of samples, of those that a frame file has."""
        return Extras(masks=self.masks and frames.masks, keypoints=frames.keypoints if self.keypoints else 0)


def pack(frame: Frame, depth: DepthRow, shape: Shape, *, video: bool, where: str, extras: Extras = PLAIN) -> dict[str, Any]:
    """One row of `schema.samples(extras)`.

    The image is made smaller to fit, never larger (the loader enlarges it as it augments): one that fits keeps its very bytes.

    Raises:
        UserError: the image or the map cannot be decoded.
    """
    width, height = fit(frame.width, frame.height, shape.width, shape.height)
    image = frame.image
    if (width, height) != (frame.width, frame.height):
        pixels = decode_jpeg(frame.image, where)
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        image = encode_jpeg(np.asarray(small, np.uint8), shape.jpeg_quality)
    scale = np.array([width / frame.width, height / frame.height] * 2, np.float32)
    codes = depth_codec.decode_codes(depth.depth, f"{where}: depth")
    objects = {name: getattr(frame.objects, name).tolist() for name, _ in schema.OBJECTS}
    objects |= {"boxes": (frame.objects.boxes * scale).tolist(), "ignores": ignored(frame, shape.classes).tolist()}
    before, after = (frame.width, frame.height), (width, height)
    shapes: dict[str, Any] = {"masks": scaled_masks(frame.objects, before, after)} if extras.masks else {}
    if extras.keypoints:
        shapes["keypoints"] = scaled_joints(frame.objects, before, after, extras.keypoints)
    return {
        "dataset": frame.dataset,
        "sequence": frame.sequence,
        "frame": frame.frame,
        "video": video,
        "width": width,
        "height": height,
        "image": image,
        **objects,
        **shapes,
        "depth": depth_codec.encode_codes(
            depth_codec.resize_codes(codes, *(max(1, round(side / shape.depth_stride)) for side in (width, height)))
        ),
        "depth_scale": depth.scale,
        "object_depths": depth.object_depths.tolist(),
    }


def fit(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """(width, height) in pixels of an image made smaller to fit, with its aspect ratio kept; unchanged when it fits."""
    factor = min(most_width / width, most_height / height, 1.0)
    return max(1, round(width * factor)), max(1, round(height * factor))


def ignored(frame: Frame, classes: Sequence[str] = PEDESTRIANS) -> NDArray[np.bool_]:
    """(N,) bool: ignored regions, and what is learnt but not scored. As in FairMOT objects are pedestrians (here: of `classes`) with
    flag 1; what merely looks like a person is no background either. Vehicles and occluders keep their class and are background, unless
    they are learnt."""
    objects = frame.objects
    learnt = np.isin(objects.classes, class_numbers(classes))
    unscored = learnt & (objects.confidences == 0)
    return np.asarray(objects.ignores | unscored | np.isin(objects.classes, UNSCORED_PEOPLE) & ~learnt)
