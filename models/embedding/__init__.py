"""What the re-identification embedding is trained by: one objective a file, all of one shape (`model.loss.reid`).

An objective is a module of the task, not of the published network, so weights trained by one serve any other. Its forward takes

    embeddings (B, 2, K, D) float32       of B pairs with up to K objects a frame, any length; padding may hold anything finite
    valid (B, 2, K) bool                  where there is an object
    same_scene (B,) bool                  False for negative pairs, two frames of different scenes
    identities (B, 2, K) int64 or None    numbers from 0, -1 where unknown; None unless `uses_identities`

and returns scalars: "reid", which is minimised, and any parts of it for the log. Gradients reach the embeddings and all parameters in
every step, also from pairs without objects.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from models.embedding.classification import Classification
from models.embedding.cycas import Cycas
from models.embedding.none import Nothing
from models.embedding.utrack import Utrack
from models.outrack.options import OutrackOptions

OBJECTIVES: dict[str, Callable[[OutrackOptions, int], nn.Module]] = {
    "utrack": lambda options, identities: Utrack(options.loss),
    "cycas": lambda options, identities: Cycas(options.loss),
    "classification": lambda options, identities: Classification(options.network.embedding, identities),
    "none": lambda options, identities: Nothing(),
}


def build(options: OutrackOptions, identities: int) -> nn.Module:
    """The objective that `model.loss.reid` names.

    Args:
        options: the whole `model` section.
        identities: how many people the sample set names, 0 for objectives that may not see them.
    """
    return OBJECTIVES[options.loss.reid](options, identities)
