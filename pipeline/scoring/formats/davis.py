"""Video object segmentation: DAVIS' indexed images, scored by J and F."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files.indexed_images import VOID, read_indexed
from pipeline.scoring.formats.scored import Row, Scored, paired
from pipeline.scoring.segmentation import Mask, Quality, mean, score


def score_files(truth: Path, results: Path) -> Scored:
    """Score segmentations.

    Args:
        truth: <truth>/<video>/*.png, one image per frame, whose values are the objects' numbers; 0 is background, 255 is not scored.
        results: the same; a missing image is an error, an object that is missing counts as empty.

    Raises:
        UserError: an image is missing, has another size, or is no image of numbers.
    """
    there, found = _videos(truth), _videos(results)
    remarks = paired(there, found, (truth, results), f"{truth}/<video>/*.png")
    parts, everything = dict[str, Row](), list[Quality]()
    for name in there:
        objects = _score(there[name], found[name])
        if not objects:
            remarks.append(f"{name}: not scored, nothing lies between its first and its last frame")
        parts |= {f"{name}/{number}": _row(quality) for number, quality in objects.items()}
        everything += objects.values()
    return Scored(_row(mean(everything)) | {"objects": len(everything)}, parts, remarks)


def _videos(root: Path) -> Mapping[str, Path]:
    return {path.name: path for path in sorted(root.glob("*")) if path.is_dir() and any(path.glob("*.png"))}


def _score(truth: Path, results: Path) -> Mapping[int, Quality]:
    images = [(read_indexed(path), path) for path in sorted(truth.glob("*.png"))]
    numbers = sorted({number for image, _ in images for number in np.unique(image).tolist()} - {0, VOID})
    there: dict[int, list[Mask]] = {number: [] for number in numbers}
    found: dict[int, list[Mask]] = {number: [] for number in numbers}
    for image, path in images:
        other = results / path.name
        if not other.is_file():
            raise UserError(f"{other}: no such image, which {path} needs\nnext: write one image per frame of the ground truth")
        result = read_indexed(other)
        if result.shape != image.shape:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (result.shape, image.shape)]
            raise UserError(f"{other}: has {sizes[0]} pixels, the ground truth {sizes[1]}\nnext: write images of the same size")
        for number in numbers:
            there[number].append(image == number)
            found[number].append((result == number) & (image != VOID))
    return score(there, found)


def _row(quality: Quality) -> dict[str, float]:
    shares = {"J&F": quality.j_and_f, "J": quality.j_mean, "J recall": quality.j_recall, "J decay": quality.j_decay}
    shares |= {"F": quality.f_mean, "F recall": quality.f_recall, "F decay": quality.f_decay}
    return {name: 100 * value for name, value in shares.items()}
