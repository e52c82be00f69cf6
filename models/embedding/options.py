"""Options of the objectives that train an embedding. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.params.sections.common import Section


class UtrackOptions(Section):
    """UTrack's terms, Eqs. 1 to 8 of the OUTrack paper (its numbers in brackets)."""

    temperature: Literal["adaptive"] | float = Field(description="softmax temperature T, adaptive = 2 ln(C + 1)")
    placeholder: Literal["mean", "zero", "none"] = Field(description="similarity that unmatched objects go to (mean)")
    intra: bool = Field(description="objects of one frame must not match, Eq. 3")
    inter: bool = Field(description="each object matches one other or the placeholder, Eq. 4")
    cycle: bool = Field(description="forward and backward matching agree, Eq. 5")
    margin: float = Field(ge=0, le=1, description="margin m of Eq. 4, and of cycle association (0.5)")
    negative_hinge: bool = Field(description="margin to the placeholder in negative pairs, in the released code, not in Eq. 7")

    @field_validator("temperature", mode="before")
    @classmethod
    def _word_or_number(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        if value != "adaptive" and not number:
            raise ValueError("must be adaptive or a number above 0")
        return value


class ReidOptions(UtrackOptions):
    """The objective, and the terms of those that have any."""

    # with a default, so that networks published before this option existed can be read
    reid: Literal["utrack", "cycas", "classification", "none"] = Field(default="utrack", description="what trains the embedding (utrack)")
