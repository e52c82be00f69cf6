from __future__ import annotations

import numpy as np

from pipeline.sources.annotation import annotation, nothing, objects


def test_rows_come_in_order_of_frames_and_keep_their_places() -> None:
    boxes = np.arange(16, dtype=np.float32).reshape(4, 4)
    found = annotation(np.array([3, 1, 3, 2], np.int32), objects(boxes), np.array([10, 11, 12, 13], np.int32), "a/gt.txt")
    assert found.frame.tolist() == [1, 2, 3, 3]
    assert found.of(3).boxes.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert len(found.of(4)) == 0
    assert [found.where(row) for row in range(4)] == ["a/gt.txt:11", "a/gt.txt:13", "a/gt.txt:10", "a/gt.txt:12"]


def test_the_largest_frame_number_is_found() -> None:
    most = 2**31 - 1
    found = annotation(np.array([most, 1, most], np.int32), objects(np.zeros((3, 4), np.float32)), np.array([1, 2, 3], np.int32), "gt.txt")
    assert (len(found.of(most)), len(found.of(1)), len(found.of(2))) == (2, 1, 0)


def test_what_a_file_does_not_tell() -> None:
    found = objects(np.zeros((1, 4), np.float32))
    assert (found.identities[0], found.classes[0], found.visibilities[0], found.confidences[0], found.ignores[0]) == (-1, 1, 1, 1, False)
    assert len(nothing()) == len(nothing().of(1)) == 0
