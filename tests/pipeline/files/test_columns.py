from __future__ import annotations

import numpy as np

from pipeline.files.columns import LEAST, Growing


def test_rows_come_back_in_order_however_they_were_added() -> None:
    numbers = np.arange(10 * LEAST, dtype=np.float32).reshape(-1, 4)
    column = Growing(np.float32, 4)
    for start, end in ((0, 0), (0, 1), (1, LEAST), (LEAST, LEAST + 1), (LEAST + 1, len(numbers))):
        column.add(numbers[start:end])
    np.testing.assert_array_equal(column.rows, numbers)
    assert column.rows.dtype == np.float32


def test_a_column_without_rows_has_its_shape_and_kind() -> None:
    assert Growing(np.int64, 2).rows.shape == (0, 2)
    column = Growing(np.bool_)
    column.add([True, False])
    assert (column.rows.dtype, column.rows.tolist()) == (np.bool_, [True, False])


def test_a_cleared_column_begins_anew_in_the_same_block() -> None:
    column = Growing(np.uint8, room=4)
    column.add([1, 2, 3])
    column.clear()
    assert len(column) == 0
    column.add([7])
    assert column.rows.tolist() == [7]
    assert len(column) == 1
