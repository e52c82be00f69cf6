"""How far depth labels are from the truth, where a data set has the truth beside its frames (see `pipeline.files.depth_pictures`).

Ground is what no box covers, from the highest foot of the frame downwards: there people walk. People count by the truth in the middle
of their boxes, where at least SHOWN of them is visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts.store import Place, place
from pipeline.files import depth_pictures
from pipeline.files.depth_codec import resize_depth
from pipeline.files.frames import Frame
from pipeline.labelling.backend import FrameDepth, object_depths
from pipeline.labelling.folders import Folder
from pipeline.params.classes import PEDESTRIANS, class_numbers

SHOWN = 0.5
DELTA = 1.25  # delta1: share of ratios below it
_VIDEO = ("{root}/{sequence}/depth/{frame:06d}.png", "{root}/depth/{frame:06d}.png")
_STILLS = ("{root}/depth/{image}.png",)


def truth_pictures(folder: Folder, facts: dict[str, Any], frames: list[int]) -> dict[int, Place]:
    """Where the true depth of frames lies, by frame number; those without are absent.

    Args:
        folder: of the data set.
        facts: of the frame file.
        frames: numbers of the frames.
    """
    sequence = facts["sequence"]
    if not any((known / depth_pictures.SCALE_FILE).is_file() for known in (folder.path / "depth", folder.path / sequence / "depth")):
        return {}
    found = {}
    for frame, image in zip(frames, folder.images(facts, frames), strict=True):
        patterns = _VIDEO if image is None else _STILLS
        places = [place(pattern.format(root=folder.path, sequence=sequence, frame=frame, image=image)) for pattern in patterns]
        there = [known for known in places if known.is_file() and (known.parent / depth_pictures.SCALE_FILE).is_file()]
        if there:
            found[frame] = there[0]
    return found


@dataclass
class Accuracy:
    """Collects labels and true depths of one sequence. Each has a unit of its own, so errors are also given after alignment by one factor.

    `classes` names what counts as people: all that is tracked.
    """

    classes: tuple[str, ...] = PEDESTRIANS
    ground: list[NDArray[np.float32]] = field(default_factory=list)
    people: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, row: Frame, label: FrameDepth, truth: NDArray[np.float32]) -> None:
        """Compare one frame: its row (with boxes), its label, and its true depth, (h, w) float32, 0 unknown."""
        lines, columns = label.depth.shape
        true = resize_depth(truth, columns, lines)
        keep = ground_mask(row, columns, lines, self.classes) & (true > 0) & (label.depth > 0)
        self.ground.append(np.stack([label.depth[keep], true[keep]]))
        objects = row.objects
        known = object_depths(truth, objects.boxes, row.width, row.height)
        counted = np.isin(objects.classes, class_numbers(self.classes)) & ~objects.ignores & (objects.visibilities >= SHOWN)
        keep = counted & (known > 0) & (label.objects > 0)
        self.people.append(np.stack([label.objects[keep], known[keep]]))

    def errors(self) -> dict[str, float]:
        """Mean |label - truth| / truth of ground and people, before and after alignment, and delta1 after it.

        Labels are aligned by one factor: the median of truth / label over the ground, or over the people where no ground was compared.

        Empty where nothing could be compared.
        """
        parts = {name: np.concatenate(pairs, axis=1) for name, pairs in (("ground", self.ground), ("people", self.people)) if pairs}
        parts = {name: pairs for name, pairs in parts.items() if pairs.shape[1]}
        if not parts:
            return {}
        label, truth = next(iter(parts.values()))
        factor = float(np.median(truth / label))
        found = {"factor": factor}
        for name, (label, truth) in parts.items():
            aligned = label * factor
            found[f"{name}_abs_rel"] = float(np.mean(np.abs(label - truth) / truth))
            found[f"{name}_abs_rel_aligned"] = float(np.mean(np.abs(aligned - truth) / truth))
            found[f"{name}_delta1_aligned"] = float(np.mean(np.maximum(aligned / truth, truth / aligned) < DELTA))
        return found


def ground_mask(row: Frame, columns: int, lines: int, classes: Sequence[str] = PEDESTRIANS) -> NDArray[np.bool_]:
    """(lines, columns) bool: outside all boxes and not above the frame's highest foot; empty without people."""
    mask = np.zeros((lines, columns), bool)
    boxes = row.objects.boxes[np.isin(row.objects.classes, class_numbers(classes))]
    if not len(boxes):
        return mask
    scale = np.array([columns / row.width, lines / row.height] * 2)
    mask[int(np.clip(boxes[:, 3].min() * scale[1], 0, lines)) :] = True
    for x1, y1, x2, y2 in np.clip(row.objects.boxes * scale, 0, [columns, lines, columns, lines]):
        mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = False
    return mask
