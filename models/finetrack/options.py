"""FineTrack's part of params.yaml: `model.network`, `model.loss`, `model.tracker`, and `model` of the trainings. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.association.options import OutputOptions
from models.embedding.options import UtrackOptions
from pipeline.params.sections.common import Section


class NetworkOptions(Section):
    """What the network consists of."""

    backbone: Literal["resnet_fpn", "dla34"] = Field(description="light residual pyramid for CPUs, or DLA-34")
    width: int = Field(ge=8, multiple_of=8, description="channels of the backbone at stride 4 (dla34 has 64)")
    channels: int = Field(ge=8, multiple_of=8, description="channels of the aligned map that heads and regions read")
    alignment: Literal["flow", "none"] = Field(description="a learnt flow moves coarse maps onto finer ones, or they are only enlarged")
    head_width: int = Field(ge=8, description="channels between the two convolutions of a detection head")
    parts: int = Field(ge=0, description="K, branches that look for a part each; 0: the whole box alone (MOT17: 6, MOT20: 4)")
    part_size: int = Field(ge=2, description="dimensions of each branch's embedding")
    mask_hidden: int = Field(ge=1, description="channels between the two convolutions of a part's mask")
    region_height: int = Field(ge=1, description="cells down a box")
    region_width: int = Field(ge=1, description="cells across a box")
    region_sampling: int = Field(ge=1, description="sample points along each side of a cell")
    max_objects: int = Field(ge=1, description="objects of a frame that training uses at most")

    @model_validator(mode="after")
    def _consistent(self) -> NetworkOptions:
        if self.backbone == "dla34" and self.width != 64:
            raise ValueError(f"width must be 64 with backbone dla34, got {self.width}")
        return self


class LossOptions(UtrackOptions):
    """What is minimised."""

    size_weight: float = Field(ge=0, description="weight of the box sides")
    offset_weight: float = Field(ge=0, description="weight of the centre offset")
    identity: Literal["supervised", "utrack"] = Field(description="identities, or UTrack's objective between the ends of a run")
    identity_weight: float = Field(ge=0, description="weight of the cross entropy, or of UTrack's objective")
    triplet_weight: float = Field(ge=0, description="weight of the batch-hard triplets; without identities there are none")
    diversity: Literal["mask", "pooled", "embedding", "none"] = Field(description="what of the parts is to differ")
    diversity_weight: float = Field(ge=0, description="weight of the diversity")
    diversity_floor: float | None = Field(ge=-1, le=1, description="a cosine below it earns nothing; null: every cosine counts")
    s_det: float = Field(description="initial log variance of the detection loss")
    s_id: float = Field(description="initial log variance of the identity loss")


class TrackerOptions(OutputOptions):
    """How boxes become tracks."""

    top_k: int = Field(ge=1, description="detections of a frame at most")
    high: float = Field(ge=0, le=1, description="detections from this score on are matched by appearance and overlap")
    low: float = Field(ge=0, le=1, description="those from here to `high` are matched by overlap alone, and change no embedding")
    birth: float = Field(ge=0, le=1, description="least score of a detection that starts a track")
    appearance_weight: float = Field(ge=0, le=1, description="share of 1 - cosine in the cost, beside 1 - IoU")
    similarity: Literal["mean", "best"] = Field(description="cosine of all parts, or of the better half of them")
    gate: float = Field(ge=0, le=1, description="a pair of smaller IoU needs `likeness` to be matched")
    likeness: float = Field(ge=-1, le=1, description="least cosine of a pair whose IoU is below `gate`")
    high_limit: float = Field(ge=0, le=2, description="a pair of the first round costs less")
    low_limit: float = Field(ge=0, le=1, description="1 - IoU of a pair of the second round is less")
    duplicate_limit: float = Field(ge=0, le=1, description="1 - IoU below which the younger of a visible and a lost track goes")
    buffer_seconds: float = Field(ge=0, description="how long a lost track is remembered")
    embedding_momentum: float = Field(ge=0, lt=1, description="weight of a track's old embedding")

    @model_validator(mode="after")
    def _ascending(self) -> TrackerOptions:
        if self.low > self.high:
            raise ValueError(f"low must not exceed high, got {self.low} and {self.high}")
        return self


class FinetrackTraining(Section):
    """What FineTrack alone reads of a training section."""

    id_weight: float = Field(ge=0, description="weight of everything that trains the embedding; 0: detection alone is learnt")


class FinetrackOptions(Section):
    """Everything about FineTrack that params.yaml decides."""

    network: NetworkOptions
    loss: LossOptions
    tracker: TrackerOptions


def uses_identities(options: FinetrackOptions) -> bool:
    """Whether training may see identities."""
    return options.loss.identity == "supervised"


def carries_masks(options: FinetrackOptions) -> bool:
    """Whether detections carry the parts' masks, which `Detection.part_masks` says."""
    return options.network.parts > 0


OPTIONS = FinetrackOptions
CARRIES_MASKS = carries_masks  # `models.carries_masks`
TRAINING_OPTIONS = FinetrackTraining
