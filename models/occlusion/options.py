"""Options of refinding lost objects behind others. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.params.sections.common import Section


class RefindOptions(Section):
    """How lost objects are refound (section 3.2.2 of the OUTrack paper)."""

    occlusion_score: float = Field(ge=0, le=1, description="least score of an occlusion centre (0.1)")
    refind: Literal["paper", "release", "off"] = Field(description="lost-object refinding: Eqs. 15-16, or as released")
    refind_threshold: float = Field(ge=0, le=1, description="tau_o: least Gaussian score (0.7)")
    refind_window: int = Field(ge=1, description="tau_w: frames in a row that a lost object is searched for")

    @field_validator("refind", mode="before")
    @classmethod
    def _bare_off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads a bare off as false
