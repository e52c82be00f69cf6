"""Single-object tracking: true first boxes followed by correlation of maps (Tables 1, 2 and 5 of UniTrack), scored as OTB does.

Followed are the largest people who are in sight from a sequence's first frame on for `FRAMES` frames. `still` repeats the first box.
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
CROP = 264  # pixels a side of a region, which is about what a person of these pictures fills
FAR = 10_000.0  # pixels
ROWS: dict[str, BoxOptions | None] = {
    "DCF": BoxOptions(head="dcf", crop=CROP),
    "XCorr": BoxOptions(head="xcorr", crop=CROP),
    "XCorr, released offset": BoxOptions(head="xcorr", crop=CROP, offset="release"),
    "still": None,
}
Boxes = NDArray[np.float64]


def judge(sequences: list[Shown], network: Representation, seed: int) -> dict[str, dict[str, float]]:
    """AUC and precision in percent for each of `ROWS`: the mean over all people who are followed.

    Args:
        sequences: with ground truth.
        network: whose map is read, of crops of the image.
        seed: unused; nothing here is drawn.
    """
    found: dict[str, list[tuple[Boxes, Boxes]]] = {name: [] for name in ROWS}
    for shown in sequences:
        images, people = _first_frames(shown, network)
        for truth in people:
            for name, options in ROWS.items():
                found[name].append(
                    (truth, np.repeat(truth[:1], len(truth), 0) if options is None else _follow(images, truth, network, options))
                )
    scores = {name: mean([score(_to_otb(truth), _to_otb(boxes)) for truth, boxes in videos]) for name, videos in found.items()}
    return {name: {"AUC": 100 * item.auc, "precision": 100 * item.precision, "people": len(found[name])} for name, item in scores.items()}


def _follow(images: list[Tensor], truth: Boxes, network: Representation, options: BoxOptions) -> Boxes:
    """(F, 4) xyxy pixels; the first box is the true one."""
    height, width = images[0].shape[1:]
    head = BoxPropagation(truth[0], (width, height), options)

    def seen(image: Tensor, regions: Boxes) -> Tensor:
        return network.features(crop(image, torch.from_numpy(regions), options.crop))

    head.learn(seen(images[0], head.template_region())[0])
    boxes = [truth[0]]
    for image in images[1:]:
        boxes.append(head.locate(seen(image, head.search_regions())))
        if head.learns:
            head.learn(seen(image, head.template_region())[0])
    return np.stack(boxes)


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
    """xyxy pixels to left, top, width, height, far from 0: OTB takes a coordinate that is not positive for unknown, and amodal boxes may
    leave the image; its scores do not depend on where the origin lies."""
    return np.concatenate([boxes[:, :2] + FAR, boxes[:, 2:] - boxes[:, :2]], 1)
