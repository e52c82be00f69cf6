"""OUTrack's part of params.yaml: `model.network`, `model.loss` and `model.tracker`. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from models.outrack.tracker_options import TrackerOptions
from pipeline.params.sections.common import Section


class NetworkOptions(Section):
    """What the network consists of."""

    # with a default, so that networks published before this option existed can be read
    style: Literal["fairmot", "centertrack"] = Field(
        default="fairmot", description="embeddings, or the frame before as input (Tables 5, 10)"
    )
    backbone: Literal["resnet_fpn", "dla34"] = Field(description="light residual pyramid for CPUs, or the paper's DLA-34")
    width: int = Field(ge=8, multiple_of=8, description="channels at stride 4 (dla34 has 64)")
    head_width: int = Field(ge=8, description="channels between a head's two convolutions (paper: 256)")
    embedding: int = Field(ge=2, description="dimensions of the re-identification embedding (paper: 256)")
    occlusion: bool = Field(description="estimate occlusion centres and offsets (paper: true)")
    depth_head: bool = Field(description="predict a depth distribution, trained by the depth labels")
    depth_detached: bool = Field(description="keep the depth loss out of the backbone (FDTA: true)")
    depth_bins: int = Field(ge=2, description="linearly increasing depth bins (FDTA: 150)")
    depth_min: float = Field(ge=0, description="nearest depth, in the labels' unit")
    depth_max: float = Field(gt=0, description="farthest depth, in the labels' unit; beyond it is background")
    max_objects: int = Field(ge=1, description="objects a frame that training uses at most (paper: 500)")

    @model_validator(mode="after")
    def _consistent(self) -> NetworkOptions:
        if self.backbone == "dla34" and self.width != 64:
            raise ValueError(f"width must be 64 with backbone dla34, got {self.width}")
        if self.depth_max <= self.depth_min:
            raise ValueError(f"depth_max must exceed depth_min, got {self.depth_max} and {self.depth_min}")
        return self


class LossOptions(Section):
    """What is minimised (numbers of the paper in brackets)."""

    # with a default, so that networks published before this option existed can be read
    reid: Literal["utrack", "cycas", "classification", "none"] = Field(default="utrack", description="what trains the embedding (utrack)")
    temperature: Literal["adaptive"] | float = Field(description="softmax temperature T, adaptive = 2 ln(C + 1)")
    placeholder: Literal["mean", "zero", "none"] = Field(description="similarity that unmatched objects go to (mean)")
    intra: bool = Field(description="objects of one frame must not match, Eq. 3")
    inter: bool = Field(description="each object matches one other or the placeholder, Eq. 4")
    cycle: bool = Field(description="forward and backward matching agree, Eq. 5")
    margin: float = Field(ge=0, le=1, description="margin m of Eq. 4, and of cycle association (0.5)")
    negative_hinge: bool = Field(description="margin to the placeholder in negative pairs, in the released code, not in Eq. 7")
    partner_detection: bool = Field(description="detection and depth losses on the partner frame too (false), fairmot style only")
    occlusion_threshold: float = Field(ge=0, lt=1, description="tau of Eq. 9 (0.7)")
    occlusion_weight: float = Field(ge=0, description="weight of occlusion centre and offset (0.5)")
    size_weight: float = Field(ge=0, description="weight of the box sides (0.1)")
    offset_weight: float = Field(ge=0, description="weight of the centre offset (1)")
    depth_weight: float = Field(ge=0, description="weight of the depth distribution (FDTA: 1)")
    depth_foreground_weight: float = Field(ge=0, description="weight of depth inside boxes, 1 outside (FDTA: 6)")
    displacement_weight: float = Field(default=1.0, ge=0, description="weight of the displacement, centertrack style only (CenterTrack: 1)")
    s_det: float = Field(description="initial log variance of the detection loss (-1.85)")
    s_id: float = Field(description="initial log variance of the re-identification loss (-1.05)")

    @field_validator("temperature", mode="before")
    @classmethod
    def _word_or_number(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        if value != "adaptive" and not number:
            raise ValueError("must be adaptive or a number above 0")
        return value


class OutrackOptions(Section):
    """Everything about OUTrack that params.yaml decides."""

    network: NetworkOptions
    loss: LossOptions
    tracker: TrackerOptions


def looks_back(options: OutrackOptions) -> bool:
    """Whether the network is of the CenterTrack style, which is given the frame before and its objects."""
    return options.network.style == "centertrack"


def uses_identities(options: OutrackOptions) -> bool:
    """Whether training may see identities: to classify them, or to learn displacements from them."""
    return looks_back(options) or options.loss.reid == "classification"


def uses_depth(options: OutrackOptions) -> bool:
    """Whether training learns depth."""
    return options.network.depth_head


OPTIONS = OutrackOptions
