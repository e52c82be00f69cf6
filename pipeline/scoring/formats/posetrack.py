"""Pose tracking: PoseTrack 2018's JSON, scored by CLEAR and identity scores of each joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.posetrack_json import SCORED, Poses, ignore_regions, is_labelled, read_poses
from pipeline.scoring.formats.scored import Scored, by_sequence, paired
from pipeline.scoring.pose_tracking import PoseFrame, score
from pipeline.sources.records import load


def score_files(truth: Path, results: Path) -> Scored:
    """Score poses with identities.

    Args:
        truth: <truth>/<video>.json or <truth>/<video>/gt/poses.json; people need `bbox_head`, by whose size a joint is hit. Images that
            are not labelled are left out, and so are joints of both sides inside regions to ignore, as PoseTrack's own evaluation does.
        results: <results>/<video>.json of the same images.

    Raises:
        UserError: a file is missing or cannot be used, or a person of the ground truth has no head box.
    """
    there, found = by_sequence(truth, "gt/poses.json", ".json"), by_sequence(results, None, ".json")
    remarks = paired(there, found, (truth, results), f"{truth}/<video>.json")
    videos = {name: _frames(path, found[name], remarks) for name, path in there.items()}
    scores = score(list(videos.values()), len(SCORED))
    columns = zip(SCORED, scores.mota.tolist(), scores.idf1.tolist(), scores.switches.tolist(), strict=True)
    return Scored(scores.totals, {name: {"MOTA": mota, "IDF1": idf1, "IDSW": switches} for name, mota, idf1, switches in columns}, remarks)


def _frames(truth: Path, results: Path, remarks: list[str]) -> Sequence[PoseFrame]:
    """The frames of a video; `remarks` gets what is left out."""
    content = load(truth)
    there, found = read_poses(truth, content), read_poses(results, load(results))
    images = {str(image["file_name"]): image for image in content["images"]}
    unlabelled = {name for name, image in images.items() if not is_labelled(image) and not len(there[name].identities)}
    if unlabelled and len(unlabelled) == len(images):
        raise UserError(f"{truth}: no image is labelled\nnext: name annotations of train or val videos")
    remarks += [f"{truth.stem}: {len(unlabelled)} of {len(images)} images are not labelled; left out"] if unlabelled else []
    strays = sorted(found.keys() - there.keys())
    if strays:
        raise UserError(f"{results}: {strays[0]} is no image of {truth} ({len(strays)} such images)\nnext: leave it out")
    nobody = Poses(np.zeros(0, np.int64), np.zeros((0, len(SCORED), 2)), np.zeros((0, 2)))
    frames = []
    for name in sorted(there.keys() - unlabelled):
        regions = _regions(truth, images[name])
        people, seen = _outside(regions, there[name]), _outside(regions, found.get(name, nobody))
        known = np.asarray(np.isfinite(people.points).all(2)).any(axis=1)
        if not np.isfinite(people.heads[known]).all():
            raise UserError(f"{truth}: a person in {name} has joints and no bbox_head\nnext: state the box of the head")
        sizes = np.linalg.norm(people.heads[known], axis=1)
        frames.append(PoseFrame(people.identities[known], people.points[known], sizes, seen.identities, seen.points))
    return frames


def _regions(path: Path, image: Mapping[str, Any]) -> list[NDArray[np.float32]]:
    try:
        return [region.astype(np.float32) for region in ignore_regions(image)]
    except ValueError as error:
        raise UserError(f"{path}: {image['file_name']}: {error}\nnext: mend this image's entry") from None


def _outside(regions: Sequence[NDArray[np.float32]], people: Poses) -> Poses:
    """People without the joints that lie inside a region; who has no other is nobody."""
    if not regions:
        return people
    points = people.points.copy()
    for person, joint in np.argwhere(np.isfinite(points).all(2)).tolist():
        x, y = points[person, joint].tolist()
        if any(cv2.pointPolygonTest(region, (x, y), False) > 0 for region in regions):
            points[person, joint] = np.nan
    left = np.asarray(np.isfinite(points).all(2)).any(axis=1)
    return Poses(people.identities[left], points[left], people.heads[left])
