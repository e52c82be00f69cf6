"""Identity scores (Ristani et al., 2016): results against ground truth by the one best pairing of identities over the whole sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.scoring.assignment import linear_sum_assignment
from pipeline.scoring.compared import MATCHED, Compared


class Identity(NamedTuple):
    """Boxes of identities that are paired: hits, missed and false ones."""

    hits: int
    missed: int
    false: int

    @property
    def shares(self) -> dict[str, float]:
        """IDF1, IDP and IDR in [0, 1]."""
        return {
            "IDF1": self.hits / max(1.0, self.hits + 0.5 * self.false + 0.5 * self.missed),
            "IDP": self.hits / max(1.0, self.hits + self.false),
            "IDR": self.hits / max(1.0, self.hits + self.missed),
        }

    @property
    def scores(self) -> dict[str, float]:
        """The same in percent."""
        return {name: 100 * value for name, value in self.shares.items()}


def identity(seen: Compared) -> Identity:
    """Identity scores of one sequence: the pairing with the most boxes on each other has the fewest errors."""
    shape = (seen.truth.identities, seen.results.identities)
    close = seen.pairs.overlap >= MATCHED
    cells = seen.truth.identity[seen.pairs.truth[close]] * max(shape[1], 1) + seen.results.identity[seen.pairs.result[close]]
    together = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    hits = int(together[linear_sum_assignment(together, maximize=True)].sum())
    return Identity(hits, len(seen.truth) - hits, len(seen.results) - hits)


def combined(parts: Sequence[Identity]) -> Identity:
    """The sums of several sequences."""
    return Identity(*(sum(part[column] for part in parts) for column in range(3)))
