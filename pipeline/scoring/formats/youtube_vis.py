"""Video instance segmentation: YouTube-VIS' JSON, scored by the average precision of tracks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import UserError
from pipeline.scoring.formats.scored import Row, Scored
from pipeline.scoring.track_ap import Precision, Track, VideoTracks, mean, score
from pipeline.sources.records import load, number, whole
from pipeline.sources.segmentations import counts_of

Size = tuple[int, int]


class _Video(NamedTuple):
    """Height and width in pixels, and how many images it has, where that is stated."""

    size: Size
    length: int | None


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
    videos, names = _videos(truth, content["videos"]), _names(truth, content["categories"])
    there = _tracks(truth, content["annotations"], videos, names, "annotations")
    seen = _tracks(results, found, videos, names, "")
    classes = score([VideoTracks(there[key], seen[key], *video.size) for key, video in videos.items()])
    rows = {names[kind]: _row(found) for kind, found in classes.items()}
    unlabelled = [key for key in videos if not there[key]]
    remarks = [f"{len(unlabelled)} of {len(videos)} videos have no ground truth; results in them are false"] if unlabelled else []
    return Scored(_row(mean(classes)), rows, remarks)


def _videos(path: Path, videos: list[Any]) -> dict[Any, _Video]:
    try:
        return {video["id"]: _Video((int(video["height"]), int(video["width"])), _length(video)) for video in videos}
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: a video has no id, height and width\nnext: mend it") from None


def _length(video: Mapping[str, Any]) -> int | None:
    """How many images a video lists, or else states."""
    listed, stated = video.get("file_names"), video.get("length")
    return len(listed) if isinstance(listed, list) else stated if whole(stated) else None


def _names(path: Path, categories: list[Any]) -> dict[Any, str]:
    try:
        return {category["id"]: str(category["name"]) for category in categories}
    except (KeyError, TypeError):
        raise UserError(f"{path}: a category has no id and name\nnext: mend it") from None


def _tracks(path: Path, items: list[Any], videos: Mapping[Any, _Video], names: Mapping[Any, str], said: str) -> dict[Any, list[Track]]:
    tracks: dict[Any, list[Track]] = defaultdict(list)
    for place, item in enumerate(items):
        try:
            tracks[item["video_id"]].append(_track(item, videos[item["video_id"]], names, said == ""))
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error} here or in the ground truth" if isinstance(error, KeyError) else str(error)
            raise UserError(f"{path}: {said}[{place}]: {reason}\nnext: mend this entry") from None
    return tracks


def _track(item: Mapping[str, Any], video: _Video, names: Mapping[Any, str], scored: bool) -> Track:
    if item["category_id"] not in names:
        raise ValueError(f"category_id {item['category_id']!r:.40} is not among the categories")
    sure = item["score"] if scored else 1.0
    if not number(sure):
        raise ValueError("score must be a number")
    shapes = item["segmentations"]
    if not isinstance(shapes, list) or (video.length is not None and len(shapes) != video.length):
        wanted = "a list" if video.length is None else f"a list of {video.length} entries, one for each image"
        raise ValueError(f"segmentations must be {wanted}")
    masks = {frame: counts_of(shape, *video.size) for frame, shape in enumerate(shapes) if shape}
    return Track(item["category_id"], masks, float(sure), bool(item.get("iscrowd", 0)) and not scored)


def _row(found: Precision) -> Row:
    return {"AP": 100 * found.ap, "AP50": 100 * found.ap50, "AP75": 100 * found.ap75, "AR": 100 * found.recall}
