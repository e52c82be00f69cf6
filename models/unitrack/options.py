"""UniTrack's options: three groups, one per way of tracking. No torch here.

Where the paper and the released code differ, the paper's value is the default and the released one is named beside it, but for
what the paper does not say or what is a slip in it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.params.sections.common import NoOptions, Section


class RepresentationOptions(Section):
    """A network whose features are used as they are."""

    network: Literal["resnet18", "resnet50", "mobilenet_v2", "efficientnet_lite0"] = Field(description="architecture, with public names")
    layer: str = Field(min_length=1, description="layer whose output is the map, such as layer3, features.13 or block10; of stride 8")
    mean: tuple[float, float, float] = Field(
        default=(0.485, 0.456, 0.406), strict=False, description="subtracted from RGB in [0, 1] (ImageNet's; CRW .4914 .4822 .4465)"
    )
    deviation: tuple[float, float, float] = Field(
        default=(0.229, 0.224, 0.225), strict=False, description="divides what is left (ImageNet's; CRW .2023 .1994 .2010)"
    )
    gray: bool = Field(default=False, description="lightness three times instead of colours (Colorization)")


class PropagationOptions(Section):
    """How masks and poses are handed on (section 2.3, appendix B.2)."""

    memory: int = Field(default=6, ge=1, description="frames in memory, the first one included (M)")
    fill_memory: bool = Field(
        default=False, description="the first frame fills places of frames that do not exist yet (released code: true)"
    )
    top_k: int = Field(default=10, ge=1, description="sources kept per target (k)")
    temperature: float = Field(default=0.05, gt=0, description="divides similarities before the softmax (tau)")
    radius: float = Field(default=12.0, gt=0, description="cells; sources in recent frames lie strictly nearer (r)")
    eta: float = Field(default=0.01, gt=0, description="width of a key point's Gaussian over the body's size (Eq. 8; released code: 0.015)")


class BoxOptions(Section):
    """How a box is followed (appendix B.1)."""

    head: Literal["dcf", "xcorr"] = Field(default="dcf", description="discriminative correlation filter, or plain cross-correlation")
    context: float = Field(default=4.5, gt=1, description="side of the searched region over the box's")
    crop: int = Field(default=520, ge=16, description="pixels a side to which regions are resized; a multiple of the map's stride")
    scales: int = Field(default=3, ge=1, description="sizes tried per frame, an odd number")
    scale_step: float = Field(default=1.0275, gt=1, description="ratio of neighbouring sizes")
    scale_penalty: float = Field(default=0.985, gt=0, le=1, description="factor on a response for each step of size")
    regularisation: float = Field(default=1e-4, gt=0, description="lambda of Eq. 5")
    rate: float = Field(default=0.01, ge=0, le=1, description="weight of a new frame in the filter")
    sigma: float = Field(default=0.1, gt=0, description="width of the ideal response over the box's side in cells (released code)")
    unit_features: bool = Field(default=False, description="whether point vectors have length 1 here as well (golden values: not)")
    averaging: Literal["paper", "release"] = Field(default="paper", description="what is averaged over time; see `correlation.solve`")
    offset: Literal["exact", "release"] = Field(
        default="exact", description="how XCorr's peak is read; the released code errs by a cell and 1.25"
    )
    least_size: float = Field(default=0.2, gt=0, le=1, description="smallest side over the first frame's")
    least_pixels: float = Field(default=4.0, gt=0, description="smallest side in pixels")
    largest_size: float = Field(default=5.0, ge=1, description="largest side over the first frame's")


class AssociationOptions(Section):
    """How given detections are joined to tracks (section 2.4, appendix C). Defaults are those of boxes (MOT)."""

    similarity: Literal["rsm", "gf", "gpf", "cf", "reid", "none"] = Field(
        default="rsm", description="how alike two objects are; none: motion alone"
    )
    motion: Literal["full", "none", "release"] = Field(
        default="full",
        description="none: appearance alone, without overlap; release: what the released code calls without motion, overlap kept",
    )
    appearance_weight: float = Field(default=0.98, ge=0, le=1, description="lambda of Algorithm 1 (paper: 0.99; poses 0.9999, VIS 1)")
    gate: bool = Field(
        default=True, description="whether pairs with a squared Mahalanobis distance above 9.4877 are forbidden (boxes only)"
    )
    appearance_limit: float = Field(default=0.7, gt=0, description="cost of a pair in the main stage from which both rather stay alone")
    overlap_limit: float = Field(default=0.5, gt=0, le=1, description="the same for 1 - IoU in the second stage")
    unconfirmed_limit: float = Field(
        default=0.7, gt=0, le=1, description="the same for tracks seen once (masks 0.7, poses and VIS 0.6, paper 0.2)"
    )
    confirm_at_once: bool = Field(default=False, description="whether new tracks are output at once (masks and poses: true)")
    duplicate_limit: float = Field(
        default=0.15, ge=0, le=1, description="1 - IoU below which a visible and a lost track are one (poses, VIS: 0.2)"
    )
    buffer_seconds: float = Field(default=1.0, ge=0, description="how long a track that is out of sight is remembered")
    detection_threshold: float = Field(default=0.5, ge=0, le=1, description="least score of a detection that is looked at")
    least_area: float = Field(default=200.0, ge=0, description="square pixels; smaller boxes are not output")
    widest: float = Field(default=1.6, gt=0, description="largest width over height of an output box")
    classes: Literal["gate", "add", "free"] = Field(
        default="free",
        description="gate: a pair of different classes is forbidden (VIS); add: their difference is added to the cost (released code)",
    )
    region: tuple[int, int] = Field(
        default=(4, 10),
        description="rows and columns of points that a box is read at (released code; people are tall, so probably swapped)",
        strict=False,
    )


class NoLoss(Section):
    """Nothing is trained."""


class UnitrackOptions(Section):
    """Everything about UniTrack that params.yaml decides."""

    network: RepresentationOptions
    loss: NoLoss
    tracker: AssociationOptions


# What the tasks of association set differently (values of the released configurations).
_MASKS = {"gate": False, "confirm_at_once": True, "detection_threshold": 0.0, "least_area": 0.0, "widest": float("inf")}
_STRICT = _MASKS | {"unconfirmed_limit": 0.6, "duplicate_limit": 0.2}
TASKS: dict[str, AssociationOptions] = {
    "mot": AssociationOptions(),
    "mots": AssociationOptions.model_validate(_MASKS),
    "pose": AssociationOptions.model_validate(_STRICT | {"appearance_weight": 0.9999}),
    "vis": AssociationOptions.model_validate(_STRICT | {"appearance_weight": 1.0, "detection_threshold": 0.5, "classes": "gate"}),
}
OPTIONS = UnitrackOptions
TRAINING_OPTIONS = NoOptions  # it is never trained
DETECTS = False  # `models.detects`
