"""FDTA's part of params.yaml: `model.network`, `model.loss`, `model.tracker`, and `model` of the trainings. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from models.fdta.tracker_options import TrackerOptions
from pipeline.params.sections.common import Section

# pixels per cell of the map with the peaks that queries start at: the backbone's finest, or the encoder's finest for a plain ResNet
HEAT_STRIDES = {"resnet_fpn": 4, "resnet50": 8}


class NetworkOptions(Section):
    """What the network consists of (numbers of the paper, or of its code where the paper has none, in brackets)."""

    backbone: Literal["resnet50", "resnet_fpn"] = Field(description="the paper's with frozen norms, or a light residual pyramid for CPUs")
    backbone_width: int = Field(ge=8, multiple_of=8, description="channels of resnet_fpn at stride 4; resnet50 has its own")
    width: int = Field(ge=8, multiple_of=8, description="numbers of a query and of a cell (256)")
    levels: int = Field(ge=3, le=5, description="maps: strides 8, 16, 32 and, beyond three, 64 and 128 (4)")
    heads: int = Field(ge=1, description="attention heads (8)")
    points: int = Field(ge=1, description="points that a head reads in each map (4)")
    encoder_layers: int = Field(ge=0, description="layers over cells (6)")
    decoder_layers: int = Field(ge=1, description="layers over queries (6)")
    hidden: int = Field(ge=8, description="width inside encoder and decoder layers (1024)")
    dropout: float = Field(ge=0, lt=1, description="of encoder and decoder (0)")
    num_queries: int = Field(ge=1, description="objects that a frame can hold (300)")
    queries: Literal["learned", "centres"] = Field(description="learned content and places (paper), or peaks of a heat map's head")
    heat_hidden: int = Field(ge=8, description="channels inside the heat map's head, queries: centres only")
    depth_attention: Literal["off", "before", "between", "after"] = Field(description="where decoder layers see depth (after); off: no SA")
    depth_bins: int = Field(ge=2, description="linearly increasing depth bins K (150)")
    depth_min: float = Field(ge=0, description="nearest depth, in the unit of depth_space (0.001)")
    depth_max: float = Field(gt=0, description="farthest depth, in the unit of depth_space (256)")
    depth_space: Literal["stored", "inverse"] = Field(description="depth as stored, or 255 depth_near / depth (released: inverse)")
    depth_near: float = Field(gt=0, description="depth that becomes 255 in inverse space, in the stored unit")
    depth_projection: Literal["each", "shared"] = Field(description="strides 16 and 32 projected each (paper), or by one layer (code)")
    depth_detached: bool = Field(description="keep the depth loss out of the backbone (true)")
    depth_hidden: int = Field(ge=8, description="width inside the depth encoder (256)")
    depth_stride: Literal[8, 16] = Field(description="of the depth encoder's tokens (8; 16 costs a twentieth)")
    depth_dropout: float = Field(ge=0, lt=1, description="of the depth encoder (0.1)")
    depth_weight_dropout: float = Field(ge=0, lt=1, description="of the depth encoder's attention weights (0.1; slow on CPUs)")
    temporal: bool = Field(description="temporal adapter: trajectories see their own past")
    temporal_layers: int = Field(ge=1, description="its layers (6)")
    temporal_hidden: int = Field(ge=8, description="width inside them (512)")
    temporal_dropout: float = Field(ge=0, lt=1, description="of the temporal adapter (0.1)")
    frames: int = Field(ge=2, description="frames T of a clip, the present one included, and entries of the time table (30)")
    vocabulary: int = Field(ge=1, description="identity labels V (50)")
    id_layers: int = Field(ge=1, description="layers of the ID decoder (6)")
    id_heads: int = Field(ge=1, description="its heads, over twice the width (16)")
    id_hidden: int = Field(ge=8, description="width inside its layers (1024)")
    trajectory_hidden: int = Field(ge=8, description="width inside the two layers over trajectories (512)")
    identity_hidden: int = Field(ge=8, description="width of the identity adapter, which is dropped after training (256)")
    max_objects: int = Field(ge=1, description="objects a frame, and people a clip, that training uses at most")

    @model_validator(mode="before")
    @classmethod
    def _bare_off(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("depth_attention") is False:
            return values | {"depth_attention": "off"}  # YAML reads a bare off as false
        return values

    @model_validator(mode="after")
    def _consistent(self) -> NetworkOptions:
        if self.width % self.heads or 2 * self.width % self.id_heads:
            raise ValueError(f"heads must divide width, and id_heads twice the width; got {self.heads}, {self.id_heads} and {self.width}")
        if self.depth_max <= self.depth_min:
            raise ValueError(f"depth_max must exceed depth_min, got {self.depth_max} and {self.depth_min}")
        if self.max_objects > self.num_queries:
            raise ValueError(f"max_objects must not exceed num_queries, got {self.max_objects} and {self.num_queries}")
        return self

    @property
    def uses_depth(self) -> bool:
        """Whether the spatial adapter is on."""
        return self.depth_attention != "off"


class LossOptions(Section):
    """What is minimised (numbers of the paper, or of its code where the paper has none, in brackets)."""

    score_weight: float = Field(ge=0, description="of the focal loss and cost (2)")
    box_weight: float = Field(ge=0, description="of the L1 distance of boxes (5)")
    giou_weight: float = Field(ge=0, description="of 1 - generalised overlap (2)")
    heat_weight: float = Field(ge=0, description="of the heat map, sides and offsets that queries start at, queries: centres only")
    sides_weight: float = Field(ge=0, description="of the sides within that (FairMOT: 0.1)")
    depth_weight: float = Field(ge=0, description="of the depth distribution (1)")
    depth_foreground_weight: float = Field(ge=0, description="of depth inside boxes, 1 outside (6)")
    depth_zero: Literal["unknown", "background"] = Field(description="what a depth of 0 is: left out, or background (released)")
    id_weight: float = Field(ge=0, description="of the identity cross-entropy (1)")
    newborn_weight: float = Field(ge=0, description="of newborn objects in the identity cross-entropy (1); they are rare")
    groups: int = Field(ge=1, description="random labellings of a clip (6)")
    drop_probability: float = Field(ge=0, le=1, description="share of trajectories of which a part is hidden (0.5)")
    switch_probability: float = Field(ge=0, le=1, description="share of past objects that trade places (0.5)")
    identity_weight: float = Field(ge=0, description="of the identity adapter's contrastive loss (1); 0: no identity adapter")
    identity_scope: Literal["clip", "chunks"] = Field(description="pairs from the whole clip (paper), or from 10 frames in a row (code)")
    identity_overlap: float = Field(ge=0, le=1, description="least generalised overlap of a query with its box (0.5)")
    identity_weighted: bool = Field(description="weigh pairs by how well both queries lie (true)")
    identity_temperature: float = Field(gt=0, description="tau (0.1)")
    identity_from_epoch: int = Field(ge=0, description="epoch, from 0, in which the contrastive loss sets in (1)")
    gradient_frames: int = Field(ge=0, description="frames of a clip whose images are learnt from (4); 0: only the adapters learn")
    chunk_frames: int = Field(ge=1, description="frames that pass together without gradients (20)")
    checkpoint_frames: int = Field(ge=0, description="frames whose activations are kept at a time, the others made anew; 0: all are kept")


class FdtaTraining(Section):
    """What FDTA alone reads of a training section."""

    max_gap: int = Field(default=1, ge=1, description="frames between neighbours of a clip at most (4); stills, in pretrain, have none")


class FdtaOptions(Section):
    """Everything about FDTA that params.yaml decides."""

    network: NetworkOptions
    loss: LossOptions
    tracker: TrackerOptions

    @model_validator(mode="after")
    def _window_fits(self) -> FdtaOptions:
        window = self.tracker.window
        if window is not None and window >= self.network.frames:
            raise ValueError(
                f"tracker.window must be below network.frames = {self.network.frames}, the entries of the time table; got {window}"
            )
        return self

    @property
    def window(self) -> int:
        """Past frames that the tracker remembers."""
        return self.network.frames - 1 if self.tracker.window is None else self.tracker.window


OPTIONS = FdtaOptions
TRAINING_OPTIONS = FdtaTraining
