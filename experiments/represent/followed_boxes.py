"""Single-object tracking: true first boxes followed by correlation of maps (Tables 1, 2 and 5 of UniTrack), scored as OTB does.

The largest people who are in sight in all of a sequence's first `FRAMES` frames are followed. `still` repeats the first box.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown, within
from models.unitrack.box_propagation import BoxPropagation
from models.unitrack.crops import crop
from models.unitrack.network import Representation
from models.unitrack.options import BoxOptions
from pipeline.contract.clips import to_float
from pipeline.files.frames import decode_jpeg
from pipeline.scoring.single_object import mean, score
from pipeline.tracking.external_boxes import scored

PEOPLE, FRAMES = 2, 30
CROP = 264  # pixels along a side of a resized region, about as many as the region around a person of these pictures has
FAR = 10_000.0  # pixels by which boxes are moved away from the origin
ROWS: dict[str, BoxOptions | None] = {
    "DCF": BoxOptions(head="dcf", crop=CROP),
    "XCorr": BoxOptions(head="xcorr", crop=CROP),
    "XCorr, released offset": BoxOptions(head="xcorr", crop=CROP, offset="release"),
    "still": None,
}
Boxes = NDArray[np.float64]
Found = dict[str, list[tuple[Boxes, Boxes]]]


def follow(shown: Shown, network: Representation) -> Found:
    """For each of `ROWS` and each person who is followed, the true and the found boxes (F, 4) as OTB writes them.

    Args:
        shown: with ground truth.
        network: whose map is read, of crops of the image.
    """
    images, people = _first_frames(shown, network)
    found: Found = {name: [] for name in ROWS}
    for truth in people:
        for name, boxes in _follow(images, truth, network).items():
            found[name].append((_to_otb(truth), _to_otb(boxes)))
    return found


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """AUC and precision in percent for each of `ROWS`: the mean over all people who were followed."""
    scores = {}
    for name in ROWS:
        videos = [pair for sequence in found for pair in sequence[name]]
        item = mean([score(truth, boxes) for truth, boxes in videos])
        scores[name] = {"AUC": 100 * item.auc, "precision": 100 * item.precision, "people": len(videos)}
    return scores


def _follow(images: list[Tensor], truth: Boxes, network: Representation) -> dict[str, Boxes]:
    """(F, 4) xyxy pixels by row; the first box is the true one. Heads that look at the same regions of a frame share their map."""
    height, width = images[0].shape[1:]
    chosen = {name: options for name, options in ROWS.items() if options is not None}
    heads = {name: BoxPropagation(truth[0], (width, height), options) for name, options in chosen.items()}
    boxes = {name: [truth[0]] for name in ROWS}
    for number, image in enumerate(images):
        seen = _Eye(image, network)
        for name, head in heads.items():
            side = chosen[name].crop
            if number:
                boxes[name].append(head.locate(seen(head.search_regions(), side)))
            if not number or head.learns:
                head.learn(seen(head.template_region(), side)[0])
        for name in ROWS.keys() - chosen.keys() if number else ():
            boxes[name].append(truth[0])
    return {name: np.stack(rows) for name, rows in boxes.items()}


class _Eye:
    """Maps of regions of one image, each computed once."""

    def __init__(self, image: Tensor, network: Representation) -> None:
        self._image, self._network = image, network
        self._known: dict[tuple[bytes, int], Tensor] = {}

    def __call__(self, regions: Boxes, side: int) -> Tensor:
        key = regions.tobytes(), side
        if key not in self._known:
            self._known[key] = self._network.features(crop(self._image, torch.from_numpy(regions), side))
        return self._known[key]


def _first_frames(shown: Shown, network: Representation) -> tuple[list[Tensor], list[Boxes]]:
    """The normalised images (3, H, W) of the first frames, and the true boxes (F, 4) of those who are followed."""
    first = shown.span[0]
    images, places = list[Tensor](), list[dict[int, NDArray[np.float32]]]()
    for frame in within(shown):
        if frame.frame < first + FRAMES:
            image = torch.from_numpy(decode_jpeg(frame.image, f"{shown.frames}: frame {frame.frame}"))
            images.append(network.normalised(to_float(image.permute(2, 0, 1)[None]))[0].contiguous())
            objects = scored(frame.objects)
            places.append(dict(zip(objects.identities.tolist(), objects.boxes, strict=True)))
    always = sorted(set.intersection(*(set(place) for place in places))) if places else []
    sizes = {person: float((places[0][person][2:] - places[0][person][:2]).prod()) for person in always}
    chosen = sorted(always, key=lambda person: (-sizes[person], person))[:PEOPLE]
    return images, [np.stack([place[person] for place in places]).astype(np.float64) for person in chosen]


def _to_otb(boxes: Boxes) -> Boxes:
    """Boxes (F, 4), xyxy pixels, as left, top, width and height, moved by `FAR`.

    OTB takes a coordinate that is not positive for unknown, and amodal boxes may leave the image; its scores do not depend on where the
    origin lies.
    """
    return np.concatenate([boxes[:, :2] + FAR, boxes[:, 2:] - boxes[:, :2]], 1)
