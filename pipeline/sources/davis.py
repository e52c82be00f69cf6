"""DAVIS and YouTube-VOS: JPEGImages/, Annotations/ and, of DAVIS, ImageSets/; masks of numbered objects in indexed PNG images.

DAVIS has a folder per resolution in both, of which 480p is read where it is there. `sequences` may name a list of ImageSets, such as
`2017/val`. An image of masks has the name of its frame; a frame without one has no object, as in the test sets, where only the first
has. The value 255 is what is neither object nor background.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.frames import Objects
from pipeline.files.indexed_images import VOID, read_indexed
from pipeline.files.run_lengths import encode_mask
from pipeline.params.sections.data import Source
from pipeline.sources.annotation import Annotation, annotation
from pipeline.sources.categories import CROWD, PEDESTRIAN
from pipeline.sources.defects import Defects
from pipeline.sources.media import images_in, ordered
from pipeline.sources.place import Place, listed, relative
from pipeline.sources.planned import Plan, PlannedSequence, choose
from pipeline.sources.records import Clip

IMAGES, MASKS, LISTS, USUAL = "JPEGImages", "Annotations", "ImageSets", "480p"
RATE = 24.0  # DAVIS' frames per second, stated nowhere in it


def plan(source: Source, folder: Place, strict: bool) -> Plan:
    """Read and check the masks.

    Args:
        source: the section's entry.
        folder: holds JPEGImages and Annotations.
        strict: raise at the first defect (else it is listed and left out).

    Raises:
        UserError: there is no video with masks, a wanted one does not exist, or, when strict, the data has a defect.
    """
    images, masks = _resolution(folder / IMAGES), _resolution(folder / MASKS)
    found = [inner.name for inner in listed(images) if images_in(inner) and (masks / inner.name).is_dir()]
    if not found:
        raise UserError(f"{folder}: no {IMAGES}/<video> with {MASKS}/<video>\nnext: correct root of the entry in extract_frames.sources")
    lost, planned = Defects(folder, strict), list[PlannedSequence]()
    for name in choose(found, _named(folder, source.sequences), str(folder)):
        with lost.leaving_out():
            planned.append(_sequence(source.name, images / name, masks / name, Defects(folder, strict)))
    if not planned:
        raise UserError("\n".join([f"{folder}: no video can be used", *lost.lines[:5]]))
    return Plan(planned, lost.lines)


def is_davis(folder: Place) -> bool:
    """Whether a folder has this layout."""
    return (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def _resolution(folder: Place) -> Place:
    """The folder of the videos: of the usual resolution, of the only one, or itself where there are none."""
    if (folder / USUAL).is_dir():
        return folder / USUAL
    inner = [item for item in listed(folder) if item.is_dir()]
    return inner[0] if len(inner) == 1 and not images_in(inner[0]) and listed(inner[0]) and listed(inner[0])[0].is_dir() else folder


def _named(folder: Place, wanted: list[str] | None) -> list[str] | None:
    """Lists of ImageSets by the videos that they name."""
    if wanted is None:
        return None
    found = []
    for name in wanted:
        path = folder / LISTS / f"{name}.txt"
        found += [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()] if path.is_file() else [name]
    return found


def _sequence(dataset: str, images: Place, masks: Place, defects: Defects) -> PlannedSequence:
    frames = ordered(images_in(images))
    places = {path.stem: number for number, path in frames.items()}
    rows, size = list[_Row](), None
    for path in images_in(masks):
        if path.stem not in places:
            defects.add(f"{path}: there is no such image in {relative(images, defects.base)}")
            continue
        try:
            found = read_indexed(path)
        except UserError as error:
            defects.add(str(error).partition("\nnext:")[0])
            continue
        size = size or found.shape
        if found.shape != size:
            defects.add(f"{path}: {found.shape[1]}x{found.shape[0]} pixels, those before {size[1]}x{size[0]}")
            continue
        rows += _rows(places[path.stem], found)
    said = f"{images.name}: nothing states a frame rate; {RATE:g} frames/s assumed"
    stated = None if size is None else (size[1], size[0])
    return Clip(dataset, images.name, frames, RATE, _annotation(rows, relative(masks, defects.base)), stated, (said,)).plan(defects)


_Row = tuple[int, int, list[int], str]  # frame, number, box, mask


def _rows(frame: int, numbers: NDArray[np.uint8]) -> list[_Row]:
    found = []
    for number in np.unique(numbers[numbers > 0]).tolist():
        mask = numbers == number
        down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = [int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1]
        found.append((frame, number, box, encode_mask(mask)))
    return found


def _annotation(rows: list[_Row], file: str) -> Annotation:
    numbers = np.array([number for _, number, _, _ in rows], np.int64)
    void, count = numbers == VOID, len(rows)
    masks = np.empty(count, object)
    masks[:] = [mask for _, _, _, mask in rows]
    objects = Objects(
        boxes=np.array([box for _, _, box, _ in rows], np.float32).reshape(-1, 4),
        identities=np.where(void, -1, numbers),
        classes=np.where(void, CROWD, PEDESTRIAN).astype(np.int32),
        visibilities=np.ones(count, np.float32),
        confidences=(~void).astype(np.float32),
        ignores=void,
        masks=masks,
    )
    frames = np.array([frame for frame, _, _, _ in rows], np.int32)
    return annotation(frames, objects, np.stack([frames, numbers.astype(np.int32)], 1).reshape(-1, 2), file, ", image %d: object %d")
