"""Video instance segmentation: YouTube-VIS' JSON, scored by the average precision of tracks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.scoring.formats.scored import Row, Scored
from pipeline.scoring.track_ap import Precision, Track, VideoTracks, mean, score
from pipeline.sources.records import load, number
from pipeline.sources.segmentations import counts_of

Size = tuple[int, int]


def score_files(truth: Path, results: Path) -> Scored:
    """Score instances over time.

    Args:
        truth: a JSON file with videos, annotations (`segmentations`: run lengths or polygons per frame, or null) and categories.
        results: a JSON file, a list of video_id, category_id, score and segmentations.

    Raises:
        UserError: a file cannot be read, or an entry of it cannot be used (file and entry).
    """
    content, found = load(truth), load(results)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in ("videos", "annotations", "categories")):
        raise UserError(f"{truth}: expected lists videos, annotations, categories\nnext: name YouTube-VIS' file of annotations")
    if not isinstance(found, list):
        raise UserError(f"{results}: expected a list of results\nnext: write video_id, category_id, score, segmentations of each track")
    sizes, names = _videos(truth, content["videos"]), _names(truth, content["categories"])
    there = _tracks(truth, content["annotations"], sizes, names, "annotations")
    seen = _tracks(results, found, sizes, names, "")
    classes = score([VideoTracks(there[key], seen[key], *size) for key, size in sizes.items()])
    rows = {names[kind]: _row(found) for kind, found in classes.items()}
    unlabelled = [key for key in sizes if not there[key]]
    remarks = [f"{len(unlabelled)} of {len(sizes)} videos have no ground truth; results in them are false"] if unlabelled else []
    return Scored(_row(mean(classes)), rows, remarks)


def _videos(path: Path, videos: list[Any]) -> dict[Any, Size]:
    """Height and width of each video."""
    try:
        return {video["id"]: (int(video["height"]), int(video["width"])) for video in videos}
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: a video has no id, height and width\nnext: mend it") from None


def _names(path: Path, categories: list[Any]) -> dict[Any, str]:
    try:
        return {category["id"]: str(category["name"]) for category in categories}
    except (KeyError, TypeError):
        raise UserError(f"{path}: a category has no id and name\nnext: mend it") from None


def _tracks(path: Path, items: list[Any], sizes: Mapping[Any, Size], names: Mapping[Any, str], said: str) -> dict[Any, list[Track]]:
    tracks: dict[Any, list[Track]] = defaultdict(list)
    for place, item in enumerate(items):
        try:
            tracks[item["video_id"]].append(_track(item, sizes[item["video_id"]], names, said == ""))
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error} here or in the ground truth" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}: {said}[{place}]: {reason}\nnext: mend this entry") from None
    return tracks


def _track(item: Mapping[str, Any], size: Size, names: Mapping[Any, str], scored: bool) -> Track:
    if item["category_id"] not in names:
        raise ValueError(f"category_id {item['category_id']!r:.40} is not among the categories")
    sure = item["score"] if scored else 1.0
    if not number(sure):
        raise ValueError("score must be a number")
    masks = {frame: counts_of(shape, *size) for frame, shape in enumerate(item["segmentations"]) if shape}
    return Track(item["category_id"], masks, float(sure), bool(item.get("iscrowd", 0)) and not scored)


def _row(found: Precision) -> Row:
    return {"AP": 100 * found.ap, "AP50": 100 * found.ap50, "AP75": 100 * found.ap75, "AR": 100 * found.recall}
