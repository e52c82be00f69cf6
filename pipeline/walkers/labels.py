"""Ground truth, detections and sequence facts in the public text layouts (MOTChallenge, CrowdHuman)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from pipeline.params.classes import PEDESTRIAN
from pipeline.walkers.camera import Array
from pipeline.walkers.detector import Found
from pipeline.walkers.render import Labels

INSIDE = 0.25  # a person with less of the body in the image has left it
UNSURE = 0.05  # visible share below which a still's annotator would not be sure


def kept(labels: Labels, smallest: float = INSIDE) -> Labels:
    """The people that count as being in the image."""
    return labels.take(labels.insides >= smallest)


def ground_truth(frames: list[Labels]) -> str:
    """gt.txt of MOT16 and later: frame, identity, left, top, width, height, flag, class, visibility; frames from 1.

    `frames` are those that `kept` leaves: every person with a quarter of the body in the image has a row, hidden or not. Visibility is the
    share of the whole body that neither things, other people nor the image's border hide. Rows are sorted by identity, then frame, as the
    public files are.
    """
    rows = []
    for frame, labels in enumerate(frames, start=1):
        for identity, box, kind, visibility in zip(labels.identities, labels.boxes, labels.classes, labels.visibilities, strict=True):
            rows.append((int(identity), frame, f"{_xywh(box)},1,{kind},{visibility:.2f}"))
    return "".join(f"{frame},{identity},{rest}\n" for identity, frame, rest in sorted(rows))


def detections(frames: list[Found]) -> str:
    """det.txt: frame, -1, left, top, width, height, score, class, -1, -1; frames from 1.

    The class is stated where the detector sees several; one that sees pedestrians alone writes -1.
    """
    several = any((found.classes != PEDESTRIAN).any() for found in frames)
    lines = []
    for frame, found in enumerate(frames, start=1):
        for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
            lines.append(f"{frame},-1,{_xywh(box)},{score:.4f},{kind if several else -1},-1,-1\n")
    return "".join(lines)


def sequence_facts(name: str, rate: float, frames: int, width: int, height: int) -> str:
    """The text of seqinfo.ini; `rate` in frames per second, `width` and `height` in pixels."""
    return f"[Sequence]\nname={name}\nimDir=img1\nframeRate={rate:g}\nseqLength={frames}\nimWidth={width}\nimHeight={height}\nimExt=.jpg\n"


def annotation(identity: str, labels: Labels) -> str:
    """One line of a CrowdHuman odgt file; boxes are whole pixels as left, top, width, height."""
    boxes = []
    for index in range(len(labels.identities)):
        visibility = float(labels.visibilities[index])
        full = np.rint(labels.boxes[index])
        shown = np.rint(labels.visible_boxes[index])
        if shown.any():
            shown = np.concatenate([np.maximum(shown[:2], full[:2]), np.minimum(shown[2:], full[2:])])
        boxes.append(
            {
                "tag": "person",
                "fbox": _whole(full),
                "vbox": _whole(shown),
                "hbox": _whole(labels.head_boxes[index]),
                "head_attr": {"ignore": 0, "occ": int(visibility < 0.5), "unsure": 0},
                "extra": {"box_id": index, "occ": int(visibility < 0.65), "ignore": int(visibility < UNSURE)},
            }
        )
    return json.dumps({"ID": identity, "gtboxes": boxes}) + "\n"


class Summary(NamedTuple):
    """What a set of gt.txt files holds; shares in 0..1, heights in pixels."""

    frames: int
    identities: int
    boxes: int
    boxes_half_occluded: float
    boxes_hidden: float
    identities_half_occluded: float
    people_per_frame: float
    height_p5: float
    height_p50: float
    height_p95: float

    def facts(self) -> dict[str, Any]:
        """Rounded, for a manifest and for MLflow."""
        return {name: round(float(value), 4) for name, value in self._asdict().items()}


def summarise(files: list[str], frames: int) -> Summary | None:
    """Occlusion and size over the texts of gt.txt files that cover `frames` frames together; None without any row."""
    tables = [np.loadtxt(text.splitlines(), delimiter=",", ndmin=2) for text in files if text]
    if not tables:
        return None
    worst = np.concatenate([_worst(table) for table in tables])
    rows = np.concatenate(tables)
    low, middle, high = np.percentile(rows[:, 5], [5, 50, 95])
    visibility = rows[:, 8]
    return Summary(
        frames=frames,
        identities=len(worst),
        boxes=len(rows),
        boxes_half_occluded=float((visibility < 0.5).mean()),
        boxes_hidden=float((visibility < 0.1).mean()),
        identities_half_occluded=float((worst < 0.5).mean()),
        people_per_frame=len(rows) / max(frames, 1),
        height_p5=float(low),
        height_p50=float(middle),
        height_p95=float(high),
    )


def _worst(table: Array) -> Array:
    """Lowest visibility of each identity of one sequence."""
    return np.array([table[table[:, 1] == identity, 8].min() for identity in np.unique(table[:, 1])])


def _xywh(box: Array) -> str:
    left, top, right, bottom = box
    return f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"


def _whole(box: Array) -> list[int]:
    left, top, right, bottom = (int(v) for v in np.rint(box))
    return [left, top, right - left, bottom - top]
