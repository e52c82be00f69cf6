"""Small parameters that the walkers' tests share."""

from __future__ import annotations

from typing import Any

from pipeline.params.sections.data import RenderWalkers
from tests.parameters import walkers


def section(**changes: Any) -> RenderWalkers:
    """The default preset's section with changes."""
    return RenderWalkers(**(walkers()["render_walkers"] | changes))


def tiny(**changes: Any) -> RenderWalkers:
    """A few small frames."""
    small = {"sequences": 2, "frames": 4, "width": 192, "height": 128, "people": 4, "occluders": 1, "stills_train": 3, "stills_val": 1}
    return section(**(small | changes))
