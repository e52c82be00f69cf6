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
CENTRES: dict[str, dict[str, object]] = {"CF": {"similarity": "cf", "motion": "none"}}  # ways that see one point per object


class Ways:
    """The trackers of one sequence, one for each of `WAYS`, which see the same observations.

    Args:
        task: key of `models.unitrack.options.TASKS`, whose options all ways share.
        rate: frames per second.
        centres: whether those of `CENTRES` are among them.
    """

    def __init__(self, task: str, rate: float, *, centres: bool = False) -> None:
        base, ways = TASKS[task].model_dump(), WAYS | (CENTRES if centres else {})
        options = {name: AssociationOptions.model_validate(base | change) for name, change in ways.items()}
        self._trackers = {name: AssociationTracker(chosen, frame_rate=rate) for name, chosen in options.items()}

    def update(self, seen: Observations, centres: Observations | None = None) -> dict[str, Joined]:
        """Advance all of them by a frame.

        Args:
            seen: the frame's detections.
            centres: the same with one point each, for `CENTRES`.
        """
        given = {name: seen if name in WAYS or centres is None else centres for name in self._trackers}
        return {name: tracker.update(given[name]) for name, tracker in self._trackers.items()}
