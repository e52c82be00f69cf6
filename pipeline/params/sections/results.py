"""Sections of what follows training: tracking, scoring, the page and sweeps."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.params.sections.common import Precision, Section


class Track(Section):
    """Tracking of the held-out frames. `{data_root}`, `{dataset}` and `{sequence}` in detections_files stand for what they name."""

    frames: Literal["val", "train", "all"]
    detections: Literal["private", "public", "file", "ground_truth"]
    detections_files: str | None
    # these two are excluded where they are the default, which then has the digests of before
    association: Literal["tracker", "ground_truth"] = Field(default="tracker", exclude_if=lambda value: value == "tracker")
    keep_masks: bool = Field(default=False, exclude_if=lambda value: not value)
    batch_size: int = Field(ge=1)
    threads: int = Field(ge=1)
    precision: Precision
    model: str | None

    @model_validator(mode="after")
    def _names_files(self) -> Track:
        if self.detections == "file" and self.detections_files is None:
            raise ValueError("detections: file needs detections_files, such as '{data_root}/yolox/{sequence}.txt'")
        unknown = set(re.findall(r"{[^}]*}", self.detections_files or "")) - {"{data_root}", "{dataset}", "{sequence}"}
        if unknown:
            raise ValueError(f"detections_files: unknown {', '.join(sorted(unknown))}; allowed: {{data_root}}, {{dataset}}, {{sequence}}")
        return self


class Evaluate(Section):
    """Scoring."""

    benchmark: Literal["MOT15", "MOT16", "MOT17", "MOT20", "DanceTrack", "none", "classes"]
    reid_min_visibility: float = Field(ge=0, le=1)
    # excluded where it is empty, so that none has the digests of before
    reid_max_visibility: float | None = Field(default=None, ge=0, le=1, exclude_if=lambda value: value is None)
    champion_metric: Literal["HOTA", "MOTA", "IDF1"]


class Report(Section):
    """The report page: how many clips of tracked sequences it shows, how long (seconds) and how wide (pixels) they are."""

    clips: int = Field(ge=0)
    clip_seconds: float = Field(gt=0)
    clip_width: int = Field(ge=64)


Metric = Literal["HOTA", "MOTA", "IDF1", "R1", "mAP", "AP50"]


class Sweep(Section):
    """How sweeps run; what they try stands in experiments/sweeps.yaml."""

    metric: Metric
    seeds: int | list[int]
    budget: float = Field(gt=0)
    concurrency: int | None = Field(ge=1)
    workers: int = Field(ge=1)
    scheduler: Literal["none", "asha"]
    grace: float = Field(gt=0, lt=1)
    reduction: int = Field(ge=2)
    trials: int | None = Field(ge=1)

    @field_validator("seeds")
    @classmethod
    def _some_seeds(cls, value: int | list[int]) -> int | list[int]:
        count, least = (value, 0) if isinstance(value, int) else (len(value), min(value, default=0))
        if count < 1 or least < 0 or (isinstance(value, list) and len(set(value)) < count):
            raise ValueError("must be how many, at least 1, or a list of different numbers from 0")
        return value
