"""Options that all detectors of centre points share: network and loss. Imports no torch."""

from __future__ import annotations

from typing import Literal, Protocol

from pydantic import Field, model_validator

from pipeline.params.sections.common import Section

STRIDE = 4  # input pixels for each cell of the heads' maps
DEPTH_STRIDE = 8  # the same of the depth head's


class CentreNetworkOptions(Section):
    """What the network consists of."""

    backbone: Literal["resnet_fpn", "dla34"] = Field(description="light residual pyramid for CPUs, or the paper's DLA-34")
    width: int = Field(ge=8, multiple_of=8, description="channels at stride 4 (dla34 has 64)")
    head_width: int = Field(ge=8, description="channels between a head's two convolutions (paper: 256)")
    occlusion: bool = Field(description="estimate occlusion centres and offsets (paper: true)")
    depth_head: bool = Field(description="predict a depth distribution, trained by the depth labels")
    depth_detached: bool = Field(description="keep the depth loss out of the backbone (FDTA: true)")
    depth_bins: int = Field(ge=2, description="linearly increasing depth bins (FDTA: 150)")
    depth_min: float = Field(ge=0, description="nearest depth, in the labels' unit")
    depth_max: float = Field(gt=0, description="farthest depth, in the labels' unit; beyond it is background")
    max_objects: int = Field(ge=1, description="objects of a frame that training uses at most (paper: 500)")

    @model_validator(mode="after")
    def _consistent(self) -> CentreNetworkOptions:
        if self.backbone == "dla34" and self.width != 64:
            raise ValueError(f"width must be 64 with backbone dla34, got {self.width}")
        if self.depth_max <= self.depth_min:
            raise ValueError(f"depth_max must exceed depth_min, got {self.depth_max} and {self.depth_min}")
        return self


class CentreLossOptions(Section):
    """What detection, occlusion and depth minimise (numbers of the OUTrack paper in brackets)."""

    occlusion_threshold: float = Field(ge=0, lt=1, description="tau of Eq. 9 (0.7)")
    occlusion_weight: float = Field(ge=0, description="weight of occlusion centre and offset (0.5)")
    size_weight: float = Field(ge=0, description="weight of the box sides (0.1)")
    offset_weight: float = Field(ge=0, description="weight of the centre offset (1)")
    depth_weight: float = Field(ge=0, description="weight of the depth distribution (FDTA: 1)")
    depth_foreground_weight: float = Field(ge=0, description="weight of depth inside boxes, 1 outside (FDTA: 6)")


class CentreOptions(Protocol):
    """The part of a system's options that detectors of centre points read."""

    @property
    def network(self) -> CentreNetworkOptions: ...

    @property
    def loss(self) -> CentreLossOptions: ...
