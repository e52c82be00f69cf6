"""Options of the objectives that train an embedding. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

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
        return word_or_number(value)


class QuasiDenseOptions(Section):
    """What samples quasi-dense learning compares, and its terms, Eqs. 5 and 6 of the QDTrack paper (its numbers in brackets)."""

    positive: float = Field(default=0.7, ge=0, le=1, description="least IoU of a sample's own box with an object that it shows (0.7)")
    negative: float = Field(default=0.3, ge=0, le=1, description="IoU that the boxes of samples of nobody stay below (0.3)")
    key_samples: int = Field(default=128, ge=1, description="samples of the first frame at most, all of them of objects (128)")
    reference_samples: int = Field(default=256, ge=2, description="samples of the second frame at most, half of them of objects (256)")
    reference_negatives: float = Field(default=3.0, gt=0, description="samples of nobody for each sample of an object at most (3)")
    negatives: Literal["iou_balanced", "random"] = Field(default="iou_balanced", description="how they are drawn (iou_balanced)")
    equation: Literal[3, 5] = Field(default=5, description="of the paper, for several positives (5)")
    auxiliary_margin: float = Field(default=0.1, ge=0, le=1, description="cosine of a negative that costs nothing (released code: 0.1)")
    auxiliary_negatives: float = Field(default=3.0, gt=0, description="hardest negatives for each positive in Eq. 6 (3)")
    embed_weight: float = Field(default=0.25, ge=0, description="gamma_1, weight of Eq. 5 (0.25)")
    auxiliary_weight: float = Field(default=1.0, ge=0, description="gamma_2, weight of Eq. 6 (1)")

    @model_validator(mode="after")
    def _consistent(self) -> QuasiDenseOptions:
        if self.negative > self.positive:
            raise ValueError(f"negative must not exceed positive, got {self.negative} and {self.positive}")
        return self


class ReidOptions(UtrackOptions):
    """The objective, and the terms of those that have any."""

    # with a default, so that networks published before this option existed can be read
    reid: Literal["utrack", "cycas", "classification", "quasi_dense", "none"] = Field(
        default="utrack", description="what trains the embedding (utrack)"
    )
    quasi_dense: QuasiDenseOptions = Field(default_factory=QuasiDenseOptions, description="samples and terms of reid quasi_dense")


def word_or_number(value: Any) -> Any:
    """A temperature, as it is.

    Raises:
        ValueError: it is neither the word adaptive nor a number above 0.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    if value != "adaptive" and not number:
        raise ValueError("must be adaptive or a number above 0")
    return value
