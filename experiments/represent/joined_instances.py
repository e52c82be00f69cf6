"""Video instance segmentation: instances of several classes joined to tracks (Tables 1, 2 and 8 of UniTrack), scored as YouTube-VIS is.

Instances are the true masks as an imitated detector sees them: some are missed, edges are shifted, some have another class, of which it is
less sure than of the right one. So nothing but masks and the names of their classes is read of the data. Classes gate the cost; a track's
class and score come from its instances.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.represent.shown import Shown
from experiments.represent.ways import WAYS, Ways
from models.unitrack.observations import of_masks
from models.unitrack.video_instances import judge as verdict
from pipeline.files.frames import Frame, frame_facts
from pipeline.files.run_lengths import decode_mask, encode_mask
from pipeline.params.classes import NAMES
from pipeline.scoring.track_ap import Track, VideoTracks, mean, score

MISSED, MISTAKEN = 0.05, 0.08  # shares of instances
SHIFT = 0.012  # of a mask's height, deviation of where it is found
SURE, UNSURE = (0.7, 0.99), (0.55, 0.8)  # scores of instances of the right class, and of another
LEAST = 64  # pixels of a mask, those of one cell of the map; smaller instances are neither ground truth nor found
Masks = NDArray[np.bool_]
Found = dict[str, VideoTracks]


class JoinedInstances:
    """One sequence; see `shown.Watcher`.

    Args:
        rate: frames per second.
        seed: of the imitated detector.
    """

    def __init__(self, rate: float, seed: int) -> None:
        self._ways, self._seed, self._size = Ways("vis", rate), seed, (0, 0)
        self._truth: dict[int, Track] = {}
        self._rows: dict[str, list[tuple[int, int, int, float, str]]] = {name: [] for name in WAYS}

    def see(self, frame: Frame, features: Tensor) -> None:
        """Advance by a frame."""
        self._size = frame.height, frame.width
        identities, categories, masks = true_instances(frame)
        for identity, category, mask in zip(identities, categories, masks, strict=True):
            track = self._truth.setdefault(identity, Track(category, {}))
            self._truth[identity] = track._replace(masks={**track.masks, frame.frame: encode_mask(mask)})
        rng = np.random.default_rng((self._seed, frame.frame))
        seen, kinds, scores = imitated(rng, masks, categories)
        counts = [encode_mask(mask) for mask in seen]
        for name, joined in self._ways.update(of_masks(features, torch.from_numpy(seen), scores, kinds, task="vis")).items():
            for identity, row in zip(joined.identities.tolist(), joined.detections.tolist(), strict=True):
                self._rows[name].append((identity, frame.frame, int(kinds[row]), float(scores[row]), counts[row]))

    def result(self) -> Found:
        """Ground truth and tracks of each way."""
        truth = list(self._truth.values())
        return {name: VideoTracks(truth, _tracks(rows), *self._size) for name, rows in self._rows.items()}


def begin(shown: Shown, seed: int) -> JoinedInstances:
    """The watcher of one sequence; `seed` decides what the imitated detector finds."""
    return JoinedInstances(float(frame_facts(shown.frames)["frame_rate"]), seed)


def summarise(found: list[Found]) -> dict[str, dict[str, float]]:
    """AP, AP50 and AP75 of each way in percent, means over classes, and the number of classes."""
    scores = {}
    for name in WAYS:
        classes = score([sequence[name] for sequence in found])
        whole = mean(classes)
        known = sum(not np.isnan(item.ap) for item in classes.values())
        scores[name] = {"AP": 100 * whole.ap, "AP50": 100 * whole.ap50, "AP75": 100 * whole.ap75, "classes": known}
    return scores


def true_instances(frame: Frame) -> tuple[list[int], list[int], Masks]:
    """Identities, classes and (N, H, W) masks of the objects with an identity that show at least `LEAST` pixels.

    A class is numbered by its name. Objects without an identity, such as regions to ignore, belong to no track.
    """
    objects, nothing = frame.objects, np.zeros((0, frame.height, frame.width), np.bool_)
    if objects.masks is None:
        return [], [], nothing
    names = objects.categories if objects.categories is not None else [NAMES[kind] for kind in objects.classes.tolist()]
    found = []
    for identity, name, counts in zip(objects.identities.tolist(), names, objects.masks, strict=True):
        mask = None if counts is None or identity < 0 else decode_mask(counts, frame.height, frame.width)
        if mask is not None and int(mask.sum()) >= LEAST:
            found.append((identity, number_of(name), mask))
    identities, kinds, masks = zip(*found, strict=True) if found else ((), (), ())
    return list(identities), list(kinds), np.stack(masks) if masks else nothing


def imitated(rng: np.random.Generator, masks: Masks, categories: list[int]) -> tuple[Masks, NDArray[np.int64], NDArray[np.float32]]:
    """What a detector would find of true instances: masks, classes (of the frame's own, where it errs), scores above one half."""
    found, kinds, scores = [np.zeros((0, *masks.shape[1:]), np.bool_)], list[int](), list[float]()
    for mask, kind in zip(masks, categories, strict=True):
        missed, mistaken, grown, size = rng.random() < MISSED, rng.random() < MISTAKEN, rng.random() < 0.5, int(rng.integers(3))
        tall = float(mask.any(1).sum())
        move = np.rint(rng.normal(0, SHIFT * tall, 2)).astype(int)
        other = int(rng.choice(categories))
        if not missed:
            shape = (cv2.dilate if grown else cv2.erode)(mask.astype(np.uint8), np.ones((size + 1, size + 1), np.uint8))
            found.append(_moved(shape > 0, move[0], move[1])[None])
            kinds.append(other if mistaken else kind)
            scores.append(rng.uniform(*(UNSURE if mistaken and other != kind else SURE)))
    return np.concatenate(found), np.array(kinds, np.int64), np.array(scores, np.float32)


def number_of(name: str) -> int:
    """The number of a class, the same in all sequences."""
    return zlib.crc32(name.encode())


def _moved(mask: Masks, down: int, right: int) -> Masks:
    height, width = mask.shape
    moved = np.zeros_like(mask)
    part = mask[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    moved[max(down, 0) : max(down, 0) + part.shape[0], max(right, 0) : max(right, 0) + part.shape[1]] = part
    return moved


def _tracks(rows: list[tuple[int, int, int, float, str]]) -> list[Track]:
    identities, frames, kinds, scores, counts = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    judged = verdict(np.array(identities, np.int64), np.array(kinds, np.int64), np.array(scores))
    masks: dict[int, dict[int, str]] = {}
    for identity, frame, text in zip(identities, frames, counts, strict=True):
        masks.setdefault(identity, {})[frame] = text
    columns = zip(judged.identities.tolist(), judged.categories.tolist(), judged.scores.tolist(), strict=True)
    return [Track(kind, masks[identity], sure) for identity, kind, sure in columns]
