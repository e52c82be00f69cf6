"""Pose tracking: PoseTrack 2018's JSON, scored by CLEAR and identity scores of each joint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.files.posetrack_json import SCORED, Poses, read_poses
from pipeline.scoring.formats.scored import Scored, by_sequence, paired
from pipeline.scoring.pose_tracking import PoseFrame, score
from pipeline.sources.records import load


def score_files(truth: Path, results: Path) -> Scored:
    """Score poses with identities.

    Args:
        truth: <truth>/<video>.json or <truth>/<video>/gt/poses.json; people need `bbox_head`, by whose size a joint is hit.
        results: <results>/<video>.json of the same images.

    Raises:
        UserError: a file is missing or cannot be used, or a person of the ground truth has no head box.
    """
    there, found = by_sequence(truth, "gt/poses.json", ".json"), by_sequence(results, None, ".json")
    remarks = paired(there, found, (truth, results), f"{truth}/<video>.json")
    videos = {name: _frames(path, found[name]) for name, path in there.items()}
    scores = score(list(videos.values()), len(SCORED))
    columns = zip(SCORED, scores.mota.tolist(), scores.idf1.tolist(), scores.switches.tolist(), strict=True)
    return Scored(scores.totals, {name: {"MOTA": mota, "IDF1": idf1, "IDSW": switches} for name, mota, idf1, switches in columns}, remarks)


def _frames(truth: Path, results: Path) -> Sequence[PoseFrame]:
    there, found = read_poses(truth, load(truth)), read_poses(results, load(results))
    strays = sorted(found.keys() - there.keys())
    if strays:
        raise UserError(f"{results}: {strays[0]} is no image of {truth} ({len(strays)} such images)\nnext: leave it out")
    nobody = Poses(np.zeros(0, np.int64), np.zeros((0, len(SCORED), 2)), np.zeros((0, 2)))
    frames = []
    for name, people in sorted(there.items()):
        known = np.asarray(np.isfinite(people.points).all(2)).any(axis=1)
        if not np.isfinite(people.heads[known]).all():
            raise UserError(f"{truth}: a person in {name} has joints and no bbox_head\nnext: state the box of the head")
        seen = found.get(name, nobody)
        sizes = np.linalg.norm(people.heads[known], axis=1)
        frames.append(PoseFrame(people.identities[known], people.points[known], sizes, seen.identities, seen.points))
    return frames
