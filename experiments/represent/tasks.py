"""The seven tasks that representations are judged in."""

from __future__ import annotations

from typing import Literal, NamedTuple

from experiments.represent import (
    followed_boxes,
    followed_masks,
    followed_poses,
    joined_instances,
    joined_masks,
    joined_poses,
    true_boxes,
)
from experiments.represent.representations import HERE
from experiments.represent.shown import Following, Watching

Kind = Literal["frames", "scenes", "close-ups"]


class Task(NamedTuple):
    """A way of judging.

    Attributes:
        module: what judges, by watching maps of whole frames together with other tasks, or by crops of its own.
        data: kind of the sequences that representations are judged on.
        file: path of the module from the repository's root.
        columns: the metrics that are shown; the first one ranks representations.
        needs: extra columns that frame files must have.
    """

    module: Watching | Following
    data: Kind
    file: str
    columns: tuple[str, ...]
    needs: tuple[str, ...] = ()


TASKS = {
    "sot": Task(followed_boxes, "frames", f"{HERE}/followed_boxes.py", ("AUC", "precision", "people")),
    "vos": Task(followed_masks, "close-ups", f"{HERE}/followed_masks.py", ("J", "F", "J&F", "J recall", "objects"), ("masks",)),
    "mot": Task(true_boxes, "frames", f"{HERE}/true_boxes.py", ("IDF1", "AssA", "HOTA", "IDSW")),
    "mots": Task(joined_masks, "scenes", f"{HERE}/joined_masks.py", ("IDF1", "HOTA", "sMOTSA", "MOTSA", "IDSW"), ("masks", "public_masks")),
    "pose": Task(joined_poses, "scenes", f"{HERE}/joined_poses.py", ("IDF1", "MOTA", "IDSW"), ("keypoints", "public_keypoints")),
    "propagation": Task(followed_poses, "close-ups", f"{HERE}/followed_poses.py", ("PCK@0.1", "PCK@0.2", "people"), ("keypoints",)),
    "vis": Task(joined_instances, "scenes", f"{HERE}/joined_instances.py", ("AP", "AP50", "AP75", "classes"), ("masks",)),
}
