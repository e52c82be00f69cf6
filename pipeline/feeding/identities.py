"""Identity numbers for the objects of a sample set, for models that learn from identities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.files.sample_store import SampleStore, read_columns
from pipeline.params.classes import PEDESTRIANS, class_numbers

_COLUMNS = ["identities", "classes", "ignores"]


class IdentityNumbers:
    """Numbers from 0 over a whole sample set: one for each object of a video, one for each box of a still (FairMOT on CrowdHuman).

    Boxes of other classes than those that are learnt, ignored ones and those without identity have -1.

    Args:
        store: the sample set; its small columns are read once.
        learnt: names of the classes that are learnt.

    Attributes:
        count: how many different objects there are.
    """

    def __init__(self, store: SampleStore, learnt: Sequence[str] = PEDESTRIANS) -> None:
        table = pa.Table.from_batches([batch for batches in read_columns(store.shards, _COLUMNS) for batch in batches])
        lengths = np.array(table.column("identities").combine_chunks().value_lengths(), np.int64)
        identities, classes, ignores = (_values(table.column(name)) for name in _COLUMNS)
        row = np.repeat(np.arange(len(lengths)), lengths)
        video = store.index.video[row]
        people = np.isin(classes, class_numbers(learnt)) & ~ignores.astype(bool)
        named = people & video & (identities >= 0)
        boxes = people & ~video
        persons, inverse = np.unique(
            np.stack([store.index.sequence[row[named]].astype(np.int64), identities[named]]), axis=1, return_inverse=True
        )
        self._numbers = np.full(len(row), -1, np.int64)
        self._numbers[named] = inverse.reshape(-1)
        self._numbers[boxes] = persons.shape[1] + np.arange(int(boxes.sum()))
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self.count = persons.shape[1] + int(boxes.sum())

    def of(self, row: int) -> NDArray[np.int64]:
        """(N,) numbers of all boxes of a row, in their order."""
        return self._numbers[self._starts[row] : self._starts[row + 1]]


def _values(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(column.combine_chunks().flatten().to_numpy(zero_copy_only=False)).astype(np.int64)
