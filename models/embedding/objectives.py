"""What the re-identification embedding is trained by: one objective per file, all of one shape (`model.loss.reid`).

An objective is a module of the task, not of the published network, so weights trained by one serve any other. Its forward takes

    embeddings (B, 2, K, D) float32       of B pairs with up to K objects per frame, any length; padding may hold anything finite
    valid (B, 2, K) bool                  where there is an object
    same_scene (B,) bool                  False for negative pairs, two frames of different scenes
    identities (B, 2, K) int64 or None    numbers from 0, -1 where unknown; None unless `Needs.identities`

(for `quasi_dense` K samples, of which several may show one object, and `NOBODY` where one shows none)

and returns scalars: "reid", which is minimised, and any parts of it for the log. Gradients reach the embeddings and all parameters in
every step, also from pairs without objects.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from models.embedding.classification import Classification
from models.embedding.cycas import Cycas
from models.embedding.none import Nothing
from models.embedding.options import ReidOptions
from models.embedding.quasi_dense import QuasiDense
from models.embedding.utrack import Utrack

OBJECTIVES: dict[str, Callable[[ReidOptions, int, int], nn.Module]] = {
    "utrack": lambda options, dimensions, identities: Utrack(options),
    "cycas": lambda options, dimensions, identities: Cycas(options),
    "classification": lambda options, dimensions, identities: Classification(dimensions, identities),
    "quasi_dense": lambda options, dimensions, identities: QuasiDense(options.quasi_dense),
    "none": lambda options, dimensions, identities: Nothing(),
}


def build(options: ReidOptions, dimensions: int, identities: int) -> nn.Module:
    """The objective that `reid` names.

    Args:
        options: which one, and its terms.
        dimensions: D of the embeddings.
        identities: how many people the sample set names, 0 for objectives that may not see them.
    """
    return OBJECTIVES[options.reid](options, dimensions, identities)
