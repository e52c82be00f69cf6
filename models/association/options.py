"""Options that trackers share: what of their tracks is output. Imports no torch."""

from __future__ import annotations

from pydantic import Field

from pipeline.params.sections.common import Section


class OutputOptions(Section):
    """Which boxes are output, and how."""

    min_area: float = Field(ge=0, description="boxes up to this many square pixels are not output (100)")
    max_aspect: float = Field(gt=0, description="boxes wider than this times their height are not output (1.6)")
    clip_boxes: bool = Field(description="clip output boxes to the image (MOT20)")
