"""What a score belongs to: a candidate (weights and options of the tracker) under conditions (detections, evaluation data, rules).

A registered version is one candidate. It keeps one score for each of the conditions that it was scored under, as the tag
`throughline.score.<digest>`; two scores can be compared where their conditions are equal, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.params.file import digest

WEIGHTS_TAG, TRACKER_TAG, SCORE_TAG = "throughline.weights_sha256", "throughline.tracker", "throughline.score."
SHORT = 16  # characters of a digest in the name of a tag


@dataclass(frozen=True)
class Candidate:
    """What competes for champion, and what one registered version is.

    Attributes:
        weights_sha256: of the network's weights.
        tracker: options of the tracker, as its class dumps them in JSON's types.
    """

    weights_sha256: str
    tracker: Mapping[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of a version that say which candidate it is."""
        return {WEIGHTS_TAG: self.weights_sha256, TRACKER_TAG: json.dumps(dict(self.tracker), sort_keys=True)}

    @staticmethod
    def of_tags(tags: Mapping[str, str]) -> Candidate | None:
        """The candidate that a version is; None where its tags do not say."""
        if WEIGHTS_TAG not in tags or TRACKER_TAG not in tags:
            return None
        return Candidate(tags[WEIGHTS_TAG], json.loads(tags[TRACKER_TAG]))


@dataclass(frozen=True)
class Conditions:
    """What a candidate was scored under.

    Attributes:
        data: digest of the frames that were scored: of each sequence its file (pictures, ground truth, public detections) and its first and
            last frame.
        detections: `track.detections`.
        boxes: digest of another detector's files; empty where boxes are the network's.
        benchmark: whose rules.
        classes: names of what was tracked.
        told: what the data is, for people; two conditions are the same whatever it says.
    """

    data: str
    detections: str
    boxes: str
    benchmark: str
    classes: tuple[str, ...]
    told: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything but what is for people."""
        return digest([getattr(self, field.name) for field in fields(self) if field.name != "told"])

    @property
    def text(self) -> str:
        """One line for people."""
        boxes = f"{self.detections} detections" + (f" {self.boxes[:8]}" if self.boxes else "")
        return f"{boxes}, {self.told or 'data'} ({self.data[:8]}), {', '.join(self.classes)} by the rules of {self.benchmark}"

    def differences(self, other: Conditions) -> list[str]:
        """Names of what these conditions and others do not share."""
        names = {"data": "evaluation data", "boxes": "contents of the detections"}
        every = [field.name for field in fields(self) if field.name != "told"]
        return [names.get(name, name) for name in every if getattr(self, name) != getattr(other, name)]


@dataclass(frozen=True)
class Score:
    """The metrics of a candidate under conditions, and where they come from.

    Attributes:
        conditions: that it was scored under.
        metrics: by name.
        origin: run, commit, digests of parameters and code, kind of machine; whatever the stage states.
    """

    conditions: Conditions
    metrics: Mapping[str, float]
    origin: Mapping[str, str]

    @property
    def key(self) -> str:
        """Name of the tag that holds it."""
        return SCORE_TAG + self.conditions.digest[:SHORT]

    @property
    def tag(self) -> str:
        """What that tag says."""
        return json.dumps(asdict(self), sort_keys=True)


def scores(tags: Mapping[str, str]) -> dict[str, Score]:
    """The scores that a version's tags hold, by the names of the tags."""
    return {key: _read(value) for key, value in sorted(tags.items()) if key.startswith(SCORE_TAG)}


def _read(tag: str) -> Score:
    found = json.loads(tag)
    conditions = found["conditions"] | {"classes": tuple(found["conditions"]["classes"])}
    return Score(Conditions(**conditions), found["metrics"], found["origin"])
