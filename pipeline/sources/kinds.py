"""Which kind of source a root is, told by its files."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import UserError
from pipeline.params.sections.data import SourceKind
from pipeline.sources import davis, jhmdb, mot_layout, otb
from pipeline.sources.defects import Defects
from pipeline.sources.place import Place, listed, walked

PEEKED = 1 << 20  # bytes of a JSON file that are looked at
COCO_KEYS = rb'"(images|categories|annotations)"\s*:'
POSETRACK_KEYS = rb'"(is_labeled|has_no_densepose|ignore_regions_x|bbox_head)"\s*:'
VIS_KEYS = rb'"(file_names|segmentations)"\s*:'
SCALABEL_KEYS = rb'(?i)"(videoName|video_name|frameIndex|labels|frames)"\s*:'


def guess(root: Place) -> SourceKind:
    """The kind that reads this root.

    Raises:
        UserError: nothing is there.
    """
    if not root.exists():
        raise UserError(f"{root}: no such file or folder\nnext: check the path")
    if any(path.name.startswith("annotation_") and path.suffix == ".odgt" for path in listed(root)):
        return "crowdhuman"
    if davis.is_davis(root):
        return "davis"
    if jhmdb.is_jhmdb(root):
        return "jhmdb"
    if otb.is_video(root) or any(map(otb.is_video, listed(root))):
        return "otb"
    if _is_mot(root):
        return "mot_challenge"
    files = [root] if root.is_file() else list(walked(root))
    for path in files:
        if path.suffix.lower() == ".json":
            head = _head(path)
            if re.search(VIS_KEYS, head):
                return "youtube_vis"
            if re.search(POSETRACK_KEYS, head):
                return "posetrack"
            coco, scalabel = re.search(COCO_KEYS, head), re.search(SCALABEL_KEYS, head)
            if coco and not (scalabel and scalabel.start() < coco.start()):
                return "coco"
            if scalabel:
                return "bdd100k"
    return "folder"


def _is_mot(root: Place) -> bool:
    """Whether there are MOTChallenge sequences with more than a video."""
    try:
        found = mot_layout.sequences(root, None, Defects(root, strict=False)) if root.is_dir() else {}
    except UserError:
        return False
    return any(files.gt or files.det or files.ini or (files.folder / "img1").is_dir() for files in found.values())


def _head(path: Place) -> bytes:
    if isinstance(path, Path):
        with path.open("rb") as stream:
            return stream.read(PEEKED)
    return path.read_bytes()[:PEEKED]
