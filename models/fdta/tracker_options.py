"""`model.tracker` of params.yaml, apart from the rest because no training reads it. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.params.sections.common import Section


class TrackerOptions(Section):
    """How boxes become tracks (numbers of the released code in brackets)."""

    detection_threshold: float = Field(ge=0, le=1, description="an object scores above it (0.3)")
    birth_threshold: float = Field(ge=0, le=1, description="an object that starts a track scores above it (0.6)")
    id_threshold: float = Field(ge=0, le=1, description="least probability of a known label (0.2)")
    protocol: Literal["object-max", "id-max", "hungarian"] = Field(description="who gets which label (object-max)")
    window: int | None = Field(ge=1, description="past frames that are remembered; null: network.frames - 1 (29)")
