"""OUTrack's part of params.yaml: `model.network`, `model.loss`, `model.tracker`, and `model` of the trainings. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from models.dense.options import CentreLossOptions, CentreNetworkOptions
from models.embedding.options import ReidOptions
from models.outrack.tracker_options import TrackerOptions
from pipeline.params.sections.common import Section


class NetworkOptions(CentreNetworkOptions):
    """What the network consists of."""

    embedding: int = Field(ge=2, description="dimensions of the re-identification embedding (paper: 256)")


class LossOptions(CentreLossOptions, ReidOptions):
    """What is minimised (numbers of the paper in brackets)."""

    partner_detection: bool = Field(description="detection and depth losses on the partner frame too (false)")
    s_det: float = Field(description="initial log variance of the detection loss (-1.85)")
    s_id: float = Field(description="initial log variance of the re-identification loss (-1.05)")


class OutrackTraining(Section):
    """What OUTrack alone reads of a training section."""

    id_weight: float = Field(ge=0, description="weight of the re-identification loss (1; released scripts: 10 on CrowdHuman)")
    max_gap: int = Field(ge=1, description="a partner frame lies at most this many frames away on either side")
    negative_ratio: float = Field(ge=0, description="negative pairs, of two scenes, for each positive one (0.25)")


class OutrackOptions(Section):
    """Everything about OUTrack that params.yaml decides."""

    network: NetworkOptions
    loss: LossOptions
    tracker: TrackerOptions


def uses_identities(options: OutrackOptions) -> bool:
    """Whether training may see identities, to classify them or to tell whose samples are whose."""
    return options.loss.reid in ("classification", "quasi_dense")


def uses_samples(options: OutrackOptions) -> bool:
    """Whether embeddings are compared at many cells, not at the objects' centres alone."""
    return options.loss.reid == "quasi_dense"


def uses_depth(options: OutrackOptions) -> bool:
    """Whether training learns depth."""
    return options.network.depth_head


def from_earlier(raw: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The system that a model's card means, and its options.

    Until version 0.1 a card of this name could mean CenterTrack by `network.style`. Options that only the other system read are left out,
    as they had no effect.

    Args:
        raw: `network`, `loss` and `tracker` of the card, by name.

    Returns:
        `outrack` or `centertrack`, and the sections as that system's options take them.
    """
    options = {section: dict(values) for section, values in raw.items()}
    looks_back = options["network"].pop("style", "fairmot") == "centertrack"
    if not looks_back:
        options["loss"].pop("displacement_weight", None)
        return "outrack", options
    for section, names in _WITHOUT_EFFECT.items():
        options[section] = {name: value for name, value in options[section].items() if name not in names}
    return "centertrack", options


_WITHOUT_EFFECT = {
    "network": {"embedding"},
    "loss": {*ReidOptions.model_fields, "partner_detection", "s_det", "s_id"},
    "tracker": {
        *("embedding_limit", "appearance_weight", "iou_limit", "unconfirmed_limit"),
        *("lost_by_overlap", "embedding_momentum", "similarity", "similarity_scale"),
    },
}

OPTIONS = OutrackOptions
TRAINING_OPTIONS = OutrackTraining
