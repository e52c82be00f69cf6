"""What options allow, and what is said of those that cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.models.fdta.samples import small_options

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "heads must divide width"),
        ({"id_heads": 5}, "id_heads twice the width"),
        ({"depth_min": 50.0}, "depth_max must exceed depth_min"),
        ({"max_objects": 13}, "max_objects must not exceed num_queries"),
        ({"levels": 2}, "greater than or equal to 3"),
        ({"tracker": {"window": 5}}, "tracker.window must be below network.frames = 5"),
        ({"depth_stride": 32}, "8 or 16"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        small_options(**changes)


def test_a_bare_off_of_yaml_is_a_word() -> None:
    assert small_options(depth_attention=False).network.depth_attention == "off"


def test_the_window_is_a_frame_less_than_a_clip_unless_it_is_said() -> None:
    assert small_options().window == 4
    assert small_options(tracker={"window": 2}).window == 2


def test_options_come_without_torch() -> None:
    code = "import sys, models.fdta.options, models.fdta.requirements; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
