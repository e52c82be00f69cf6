"""`model.tracker` of params.yaml, apart from the rest because no training reads it. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.params.sections.common import Section


class TrackerOptions(Section):
    """How boxes become tracks."""

    detection_threshold: float = Field(ge=0, le=1, description="least score of a detection, and of a birth (0.4)")
    occlusion_score: float = Field(ge=0, le=1, description="least score of an occlusion centre (0.1)")
    top_k: int = Field(ge=1, description="detections a frame, and a quarter of the occlusion centres (500)")
    embedding_limit: float = Field(ge=0, description="largest cost of the embedding stage (0.4)")
    appearance_weight: float = Field(ge=0, le=1, description="lambda: share of cosine distance against gated motion (0.98)")
    iou_limit: float = Field(ge=0, le=1, description="largest 1 - IoU of the second stage (0.5)")
    unconfirmed_limit: float = Field(ge=0, le=1, description="largest 1 - IoU to confirm a new track (0.7)")
    duplicate_limit: float = Field(ge=0, le=1, description="1 - IoU below which the younger of two tracks goes (0.15)")
    lost_by_overlap: bool = Field(default=True, description="without embeddings, whether lost tracks may match by overlap (paper: false)")
    buffer_seconds: float = Field(ge=0, description="how long a lost track is remembered (1.0)")
    embedding_momentum: float = Field(ge=0, lt=1, description="weight of a track's old embedding (0.9)")
    refind: Literal["paper", "release", "off"] = Field(description="lost-object refinding: Eqs. 15-16, or as released")
    refind_threshold: float = Field(ge=0, le=1, description="tau_o: least Gaussian score (0.7)")
    refind_window: int = Field(ge=1, description="tau_w: frames in a row that a lost object is searched for")
    min_area: float = Field(ge=0, description="boxes up to this many square pixels are not output (100)")
    max_aspect: float = Field(gt=0, description="boxes wider than this times their height are not output (1.6)")
    clip_boxes: bool = Field(description="clip output boxes to the image (MOT20)")

    @field_validator("refind", mode="before")
    @classmethod
    def _bare_off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads a bare off as false
