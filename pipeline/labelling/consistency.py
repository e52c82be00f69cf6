"""How much the depth of tracked objects changes from frame to frame, for any backend: no true depth is needed, only identities.

The figure is the mean, over all pairs of boxes that one identity has in two frames whose numbers follow each other, of
2 |d2 - d1| / (d1 + d2), where d1 and d2 are the depths of the two boxes. A pair counts where both depths are known and both boxes are
of a tracked class, not ignored and at least half visible. A factor on all depths of a video leaves it as it is. People walk, so it is
never 0: compare backends on the same data. Stills have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.artifacts.store import Place
from pipeline.files import schema
from pipeline.files.frames import frame_facts, read_frames
from pipeline.labelling.accuracy import SHOWN
from pipeline.params.classes import PEDESTRIANS, class_numbers

_COLUMNS = ["dataset", "sequence", "frame", "identities", "classes", "visibilities", "ignores"]
_ROWS = 256  # of object depths in memory at once


class Changes(NamedTuple):
    """Pairs of boxes that were compared.

    Attributes:
        total: sum of their relative changes.
        pairs: how many.
    """

    total: float
    pairs: int

    @property
    def mean(self) -> float:
        """The figure; NaN without a pair."""
        return self.total / self.pairs if self.pairs else float("nan")


def changes(frames: Place, depths: Place, classes: Sequence[str] = PEDESTRIANS) -> Changes:
    """Compare neighbouring frames of a frame file by its depth file; none in a file of stills. `classes`: names of what counts.

    Raises:
        UserError: a file is missing or of another kind.
    """
    if frame_facts(frames)["kind"] == "stills":
        return Changes(0.0, 0)
    total, pairs, before, number, numbers = 0.0, 0, dict[int, float](), 0, class_numbers(classes)
    with schema.open_file(depths, "depth", "label_depth") as file:
        found = (row for batch in file.iter_batches(_ROWS, columns=["object_depths"]) for row in batch.column(0).to_pylist())
        for row, values in zip(read_frames(frames, _COLUMNS), found, strict=True):
            objects, known = row.objects, np.array(values, np.float64)
            keep = np.isin(objects.classes, numbers) & ~objects.ignores & (objects.visibilities >= SHOWN) & (known > 0)
            now = dict(zip(objects.identities[keep].tolist(), known[keep].tolist(), strict=True))
            if row.frame == number + 1:
                both = [(before[name], depth) for name, depth in now.items() if name in before]
                total += sum(2 * abs(second - first) / (first + second) for first, second in both)
                pairs += len(both)
            before, number = now, row.frame
    return Changes(total, pairs)
