"""QDTrack's part of params.yaml: `model.network`, `model.loss`, `model.tracker`, and `model` of the trainings. Imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from models.embedding.options import UtrackOptions
from models.qdtrack.tracker_options import TrackerOptions
from pipeline.params.sections.common import Section


class NetworkOptions(Section):
    """What the network consists of (the paper's numbers in brackets)."""

    backbone: Literal["resnet_fpn", "dla34", "resnet50"] = Field(description="light residual pyramid for CPUs, DLA-34, or the paper's")
    width: int = Field(ge=8, multiple_of=8, description="channels of the backbone at stride 4 (dla34: 64, resnet50: 256)")
    frozen_norms: bool = Field(description="batch normalisation of resnet50 keeps its stored statistics (MOTChallenge: true)")
    classes: int = Field(ge=1, description="classes that are told apart, as many as the samples have (MOT17 1, BDD100K 8)")
    pyramid: int = Field(ge=8, description="channels of every level that regions are read from (256)")
    stride64: bool = Field(description="propose regions at stride 64 as well (true)")
    anchor_scale: float = Field(gt=0, description="side of a square anchor, in strides (8)")
    anchor_ratios: list[float] = Field(min_length=1, description="height over width of the anchors of a cell ([0.5, 1.0, 2.0])")
    region_size: int = Field(ge=1, description="cells along a side of a region's features (7)")
    region_sampling: int = Field(ge=0, description="sample points along a side of a cell, 0: one for each map cell (0)")
    finest: float = Field(gt=0, description="pixels; boxes of twice this side leave the finest level (56)")
    box_width: int = Field(ge=8, description="width of the box head's two layers (1024)")
    embedding_convolutions: int = Field(ge=0, description="3x3 convolutions of the embedding head (4)")
    embedding_hidden: int = Field(ge=8, description="their channels (256)")
    embedding_width: int = Field(ge=8, description="width of the embedding head's layer (1024)")
    embedding: int = Field(ge=2, description="dimensions of the embedding (256)")
    mask_head: bool = Field(description="predict a mask for each detection (Table 6)")
    mask_hidden: int = Field(ge=8, description="channels of the mask head (256)")
    clip_boxes: bool = Field(description="clip boxes to the image (BDD100K: true; MOTChallenge's boxes leave it)")
    max_objects: int = Field(ge=1, description="objects, and ignored regions, of a frame that training uses at most")

    @field_validator("anchor_ratios")
    @classmethod
    def _positive(cls, value: list[float]) -> list[float]:
        if min(value) <= 0:
            raise ValueError(f"must be above 0, got {value}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> NetworkOptions:
        fixed = {"dla34": 64, "resnet50": 256}.get(self.backbone)
        if fixed is not None and self.width != fixed:
            raise ValueError(f"width must be {fixed} with backbone {self.backbone}, got {self.width}")
        if self.frozen_norms and self.backbone != "resnet50":
            raise ValueError(f"frozen_norms must be false with backbone {self.backbone}; only resnet50 has public statistics to keep")
        return self


def _utrack_as_published() -> UtrackOptions:
    return UtrackOptions(temperature="adaptive", placeholder="mean", intra=True, inter=True, cycle=True, margin=0.5, negative_hinge=True)


class LossOptions(Section):
    """What is minimised (the paper's numbers in brackets)."""

    reid: Literal["quasi_dense", "utrack", "none"] = Field(description="what trains the embedding (quasi_dense)")
    matching: Literal["dense", "one", "sparse"] = Field(description="samples: regions, regions with one positive each, true boxes (dense)")
    equation: Literal[3, 5] = Field(description="of the paper, for several positives (5)")
    auxiliary: bool = Field(description="add the squared error of cosines, Eq. 6 (true)")
    auxiliary_margin: float = Field(ge=0, le=1, description="cosine of a negative that costs nothing (released code: 0.1)")
    auxiliary_negatives: float = Field(gt=0, description="hardest negatives for each positive in Eq. 6 (3)")
    negatives: Literal["iou_balanced", "random"] = Field(description="how negative regions of the reference are drawn (iou_balanced)")
    key_regions: int = Field(ge=1, description="positive regions of the key image at most (128)")
    reference_regions: int = Field(ge=2, description="regions of the reference image at most, half of them positive (256)")
    reference_negatives: float = Field(gt=0, description="negative regions of the reference for each positive at most (released code: 3)")
    region_positive: float = Field(ge=0, le=1, description="alpha_1: least IoU of a positive region (0.7)")
    region_negative: float = Field(ge=0, le=1, description="alpha_2: IoU that negative regions stay below (0.3)")
    embed_weight: float = Field(ge=0, description="gamma_1, weight of L_embed (0.25)")
    auxiliary_weight: float = Field(ge=0, description="gamma_2, weight of L_aux (1)")
    reference_detection: bool = Field(description="the reference image trains detection too (false)")
    anchor_samples: int = Field(ge=2, description="anchors of an image that teach, half of them positive (256)")
    anchor_positive: float = Field(ge=0, le=1, description="least IoU of a positive anchor (0.7)")
    anchor_negative: float = Field(ge=0, le=1, description="IoU that negative anchors stay below; best anchors from it on (0.3)")
    level_limit: int = Field(ge=1, description="regions of a level before suppression, key image (2000)")
    reference_level_limit: int = Field(ge=1, description="the same of the reference image (1000)")
    proposals: int = Field(ge=1, description="regions of an image (1000)")
    proposal_overlap: float = Field(ge=0, le=1, description="largest IoU of two regions of a level (0.7)")
    box_samples: int = Field(ge=1, description="regions of an image that train the box head, a quarter positive (512)")
    box_positive: float = Field(ge=0, le=1, description="least IoU of a positive region of the box head (0.5)")
    class_weight: float = Field(ge=0, description="lambda_1, weight of the classification (1)")
    box_weight: float = Field(ge=0, description="lambda_2, weight of the boxes (1)")
    mask_weight: float = Field(ge=0, description="weight of the masks (1)")
    ignore_overlap: float = Field(ge=0, le=1, description="background covered by an ignored region by more than this teaches nothing (0.5)")
    utrack: UtrackOptions = Field(default_factory=_utrack_as_published, description="terms of reid utrack")

    @model_validator(mode="after")
    def _consistent(self) -> LossOptions:
        for low, high in (("region_negative", "region_positive"), ("anchor_negative", "anchor_positive")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} must not exceed {high}, got {getattr(self, low)} and {getattr(self, high)}")
        return self


class QdtrackTraining(Section):
    """What QDTrack alone reads of a training section."""

    id_weight: float = Field(ge=0, description="weight of everything that trains the embedding (1)")
    max_gap: int = Field(ge=1, description="a reference frame lies at most this many frames away on either side (MOT17: 10, BDD100K: 3)")
    negative_ratio: float = Field(ge=0, description="pairs of two scenes for each pair of one (0)")


class QdtrackOptions(Section):
    """Everything about QDTrack that params.yaml decides."""

    network: NetworkOptions
    loss: LossOptions
    tracker: TrackerOptions

    @model_validator(mode="after")
    def _cues_are_there(self) -> QdtrackOptions:
        if self.loss.reid == "none" and "appearance" in self.tracker.cues:
            raise ValueError(
                "tracker.cues must not name appearance with loss.reid none: no embedding is learnt; allowed: iou, motion, regression"
            )
        return self


def uses_identities(options: QdtrackOptions) -> bool:
    """Whether training may see identities."""
    return options.loss.reid == "quasi_dense"


def uses_masks(options: QdtrackOptions) -> bool:
    """Whether training reads masks of objects."""
    return options.network.mask_head


OPTIONS = QdtrackOptions
TRAINING_OPTIONS = QdtrackTraining
