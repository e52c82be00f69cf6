"""Anyone's files of ground truth and results of a task, read and scored as the task's benchmark does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.scoring.formats import davis, mots, otb, posetrack, youtube_vis
from pipeline.scoring.formats.scored import Scored

SCORERS: dict[str, Callable[[Path, Path], Scored]] = {
    "mots": mots.score_files,
    "vos": davis.score_files,
    "sot": otb.score_files,
    "pose": posetrack.score_files,
    "vis": youtube_vis.score_files,
}
