"""What each style trains, decodes with and tracks by."""

from __future__ import annotations

import pytest

from models.centertrack.loss import CenterTrackTask
from models.centertrack.tracker import CenterTracker
from models.outrack.loss import OutrackTask
from models.outrack.network import build_network
from models.outrack.spec import SPEC
from models.outrack.tracker import OutrackTracker
from tests.models.outrack.samples import small_options


@pytest.mark.parametrize(
    ("style", "task", "tracker", "names"),
    [
        ("fairmot", OutrackTask, OutrackTracker, ("top_k",)),
        ("centertrack", CenterTrackTask, CenterTracker, ("top_k", "detection_threshold")),
    ],
)
def test_each_style_has_its_task_tracker_and_dependencies(style: str, task: type, tracker: type, names: tuple[str, ...]) -> None:
    options = small_options(style=style)
    assert type(SPEC.build_task(build_network(options), options, 1.0, 0)) is task
    assert type(SPEC.build_tracker(options, 25.0, 96, 64)) is tracker
    assert SPEC.decodes_with(options) == names
    assert (SPEC.remember(options) is not None) == SPEC.uses_identities(options) == (style == "centertrack")
