"""What made the tracks of artifacts/tracks, as a file among them: a score of them belongs to that.

As its digest is part of the folder's, tracks that other options happen to give byte for byte are scored for those options all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.store import Place
from pipeline.errors import UserError

ORIGIN = "origin.json"


@dataclass(frozen=True)
class TrackOrigin:
    """What tracked, and from what.

    Attributes:
        system: its name.
        weights_sha256: of the network.
        tracker: options of the tracker, in JSON's types.
        detections: `track.detections`.
        association: `track.association`.
        boxes: SHA-256 of another detector's file for each `dataset/sequence`; empty where boxes are the network's.
    """

    system: str
    weights_sha256: str
    tracker: Mapping[str, Any]
    detections: str
    association: str
    boxes: Mapping[str, str]

    @property
    def needs_labels(self) -> bool:
        """Whether boxes or identities are the ground truth's, so that nobody could track like this without it."""
        return "ground_truth" in (self.detections, self.association)

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")


def read_track_origin(tracks: Place) -> TrackOrigin:
    """What made the tracks of a folder.

    Raises:
        UserError: the folder does not say.
    """
    path = tracks / ORIGIN
    if not path.is_file():
        raise UserError(f"{path}: missing, so nobody can say whose tracks these are\nnext: `dvc repro --force --single-item track`")
    return TrackOrigin(**json.loads(path.read_text()))
