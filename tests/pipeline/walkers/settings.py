"""Small parameters that the walkers' tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.params.sections.data import RenderWalkers

PRESET = Path(__file__).resolve().parents[3] / "presets" / "walkers.yaml"


def section(**changes: Any) -> RenderWalkers:
    """The default preset's section with changes."""
    values: dict[str, Any] = yaml.safe_load(PRESET.read_text())["render_walkers"]
    return RenderWalkers(**(values | changes))


def tiny(**changes: Any) -> RenderWalkers:
    """A few small frames."""
    small = {"sequences": 2, "frames": 4, "width": 192, "height": 128, "people": 4, "occluders": 1, "stills_train": 3, "stills_val": 1}
    return section(**(small | changes))
