"""CenterTrack's part of params.yaml: `model.network`, `model.loss`, `model.tracker`, and `model` of the trainings. Imports no torch."""

from __future__ import annotations

from pydantic import Field

from models.association.options import OutputOptions
from models.dense.options import CentreLossOptions, CentreNetworkOptions
from models.occlusion.options import RefindOptions
from pipeline.params.sections.common import Section


class LossOptions(CentreLossOptions):
    """What is minimised."""

    displacement_weight: float = Field(default=1.0, ge=0, description="weight of the displacement (CenterTrack: 1)")


class TrackerOptions(RefindOptions, OutputOptions):
    """How boxes become tracks."""

    detection_threshold: float = Field(ge=0, le=1, description="least score of a detection, and of what the next frame is shown (0.4)")
    top_k: int = Field(ge=1, description="detections of a frame, and a quarter of the occlusion centres (500)")
    duplicate_limit: float = Field(ge=0, le=1, description="1 - IoU to a visible track below which a lost one goes (0.15)")
    buffer_seconds: float = Field(ge=0, description="how long a lost track is remembered to be refound (1.0)")


class CentertrackTraining(Section):
    """What CenterTrack alone reads of a training section."""

    max_gap: int = Field(ge=1, description="the frame before lies at most this many frames away on either side (3)")
    negative_ratio: float = Field(ge=0, description="negative pairs, of two scenes, for each positive one (0)")


class CentertrackOptions(Section):
    """Everything about CenterTrack that params.yaml decides."""

    network: CentreNetworkOptions
    loss: LossOptions
    tracker: TrackerOptions


def uses_depth(options: CentertrackOptions) -> bool:
    """Whether training learns depth."""
    return options.network.depth_head


OPTIONS = CentertrackOptions
TRAINING_OPTIONS = CentertrackTraining
