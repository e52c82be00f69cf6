"""`model.tracker` of params.yaml, apart from the rest because no training reads it. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from models.association.options import OutputOptions
from models.embedding.options import word_or_number
from models.occlusion.options import RefindOptions


class TrackerOptions(RefindOptions, OutputOptions):
    """How boxes become tracks."""

    detection_threshold: float = Field(ge=0, le=1, description="least score of a detection, and of a birth (0.4)")
    top_k: int = Field(ge=1, description="detections of a frame, and a quarter of the occlusion centres (500)")
    embedding_limit: float = Field(ge=0, description="largest cost of the embedding stage (0.4)")
    appearance_weight: float = Field(ge=0, le=1, description="lambda: share of cosine distance against gated motion (0.98)")
    similarity: Literal["cosine", "bisoftmax"] = Field(default="cosine", description="how embeddings are compared (cosine)")
    similarity_scale: Literal["adaptive"] | float = Field(
        default="adaptive", description="what cosines are multiplied by before a bi-softmax, adaptive = 2 ln(C + 1)"
    )
    iou_limit: float = Field(ge=0, le=1, description="largest 1 - IoU of the second stage (0.5)")
    unconfirmed_limit: float = Field(ge=0, le=1, description="largest 1 - IoU to confirm a new track (0.7)")
    duplicate_limit: float = Field(ge=0, le=1, description="1 - IoU below which the younger of two tracks goes (0.15)")
    lost_by_overlap: bool = Field(default=True, description="without embeddings, whether lost tracks may match by overlap (paper: false)")
    buffer_seconds: float = Field(ge=0, description="how long a lost track is remembered (1.0)")
    embedding_momentum: float = Field(ge=0, lt=1, description="weight of a track's old embedding (0.9)")

    @field_validator("similarity_scale", mode="before")
    @classmethod
    def _word_or_number(cls, value: Any) -> Any:
        return word_or_number(value)
