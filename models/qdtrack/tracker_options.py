"""`model.tracker` of params.yaml for QDTrack: how detections are read and become tracks; no training reads it. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from pipeline.params.sections.common import Section

Cue = Literal["appearance", "iou", "motion", "regression"]


class TrackerOptions(Section):
    """How regions become detections, and detections tracks (the paper's numbers in brackets, times in frames)."""

    level_limit: int = Field(ge=1, description="regions of a level before suppression (1000)")
    proposals: int = Field(ge=1, description="regions of an image that the box head sees (1000)")
    min_score: float = Field(ge=0, le=1, description="least score of a detection (0.05)")
    nms: float = Field(ge=0, le=1, description="largest IoU of two detections of a class (0.5)")
    detections: int = Field(ge=1, description="detections of an image at most (100)")
    mode: Literal["paper", "release"] = Field(
        description="a frame without detections ages what is remembered, or is skipped whole (release)"
    )
    similarity: Literal["bisoftmax", "softmax", "cosine", "both"] = Field(description="of embeddings; both: mean of bisoftmax and cosine")
    least_cosine: float = Field(ge=-1, le=1, description="pairs of smaller cosine never match (-1: any may)")
    cues: list[Cue] = Field(min_length=1, description="whose scores are averaged ([appearance]; Table 5 adds iou, motion, regression)")
    init_score: float = Field(ge=0, le=1, description="a new track scores higher than this (0.8)")
    object_score: float = Field(ge=0, le=1, description="a detection that takes a track scores higher than this (0.5)")
    match_score: float = Field(ge=0, le=1, description="a match scores higher than this (0.5)")
    drop_score: float = Field(ge=0, le=1, description="an unsure detection that scores higher with a track is dropped for good (0.5)")
    memory_frames: int = Field(ge=1, description="a track is matched at most this many frames after it was seen (BDD 10, MOT17 30)")
    backdrop_frames: int = Field(ge=0, description="frames that an unmatched detection is a candidate for, 0: backdrops off (1)")
    backdrop_overlap: float = Field(ge=0, le=1, description="largest IoU of a backdrop with a better detection (0.3)")
    duplicate_removal: bool = Field(description="remove duplicates across classes before matching (true)")
    duplicate_sure: float = Field(ge=0, le=1, description="largest IoU with a better detection, score at least object_score (0.7)")
    duplicate_unsure: float = Field(ge=0, le=1, description="the same for lower scores (0.3)")
    embedding_update: float = Field(gt=0, le=1, description="weight of the new embedding in a track's (0.8)")

    @field_validator("cues")
    @classmethod
    def _each_once(cls, value: list[Any]) -> list[Any]:
        if len(set(value)) < len(value):
            raise ValueError(f"names a cue twice: {', '.join(value)}")
        return value
