"""What each style trains, decodes with and tracks by."""

from __future__ import annotations

import pytest

from models.centertrack.loss import CenterTrackTask
from models.centertrack.tracker import CenterTracker
from models.outrack.loss import OutrackTask
from models.outrack.network import build_network
from models.outrack.options import uses_identities
from models.outrack.spec import SPEC
from models.outrack.tracker import OutrackTracker
from pipeline.contract.tracks import Video
from tests.models.outrack.samples import small_options
from tests.pipeline.tiny import TRAINING


@pytest.mark.parametrize(
    ("style", "task", "tracker", "names"),
    [
        ("fairmot", OutrackTask, OutrackTracker, ("top_k",)),
        ("centertrack", CenterTrackTask, CenterTracker, ("top_k", "detection_threshold")),
    ],
)
def test_each_style_has_its_task_tracker_and_dependencies(style: str, task: type, tracker: type, names: tuple[str, ...]) -> None:
    options = small_options(style=style)
    assert type(SPEC.training.build_task(build_network(options), options, TRAINING, 0)) is task
    assert type(SPEC.association.build_tracker(options, Video(25.0, 96, 64))) is tracker
    assert SPEC.detection.decodes_with(options) == names
    assert (SPEC.detection.remember(options) is not None) == uses_identities(options) == (style == "centertrack")
