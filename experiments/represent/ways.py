"""The ways in which detections of a task are joined: by appearance, by appearance and motion, by motion alone."""

from __future__ import annotations

from models.unitrack.options import TASKS, AssociationOptions
from models.unitrack.tracker import AssociationTracker, Joined, Observations

WAYS: dict[str, dict[str, object]] = {
    "RSM": {"similarity": "rsm", "motion": "none"},
    "GPF": {"similarity": "gpf", "motion": "none"},
    "RSM and motion": {"similarity": "rsm"},
    "motion alone": {"similarity": "none", "motion": "full"},
}


class Ways:
    """The trackers of one sequence, one for each of `WAYS`, which see the same observations.

    Args:
        task: key of `models.unitrack.options.TASKS`, whose options all ways share.
        rate: frames a second.
    """

    def __init__(self, task: str, rate: float) -> None:
        base = TASKS[task].model_dump()
        options = {name: AssociationOptions.model_validate(base | change) for name, change in WAYS.items()}
        self._trackers = {name: AssociationTracker(chosen, frame_rate=rate) for name, chosen in options.items()}

    def update(self, seen: Observations) -> dict[str, Joined]:
        """Advance all of them by a frame."""
        return {name: tracker.update(seen) for name, tracker in self._trackers.items()}
