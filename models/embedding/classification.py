"""FairMOT's supervised re-identification: each person is a class of its own; on stills, each box.

The only objective that sees identities. Both frames of a pair are classified, and those of negative pairs too, since a label holds wherever
its box is.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional

FEWEST = 3  # with fewer classes FairMOT's scale would be 0 or undefined, and nothing would be learnt


class Classification(nn.Module):
    """Cross entropy of a linear layer on unit embeddings times sqrt(2) ln(n - 1), the mean over all objects of known identity.

    Args:
        dimensions: D of the embeddings.
        identities: n, how many people the sample set names; 3 classes if they are fewer.
    """

    def __init__(self, dimensions: int, identities: int) -> None:
        super().__init__()
        classes = max(identities, FEWEST)
        self.scale = math.sqrt(2) * math.log(classes - 1)
        self.classifier = nn.Linear(dimensions, classes)

    def forward(self, embeddings: Tensor, valid: Tensor, same_scene: Tensor, identities: Tensor | None) -> dict[str, Tensor]:
        """See models/embedding/objectives.py; objects of identity -1 do not count, and without any other the loss is 0.

        Raises:
            ValueError: identities are None.
        """
        if identities is None:
            raise ValueError("classification needs identities: Needs.identities must be True for these options")
        known = valid & (identities >= 0)
        # the others are left out before, not after: n may be hundreds of thousands
        logits = self.classifier(self.scale * functional.normalize(embeddings[known].float(), dim=-1))
        truth = identities[known]
        return {"reid": functional.cross_entropy(logits, truth, reduction="sum") / max(len(truth), 1)}
