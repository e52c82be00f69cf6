from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.labelling.prefetch import ahead


def test_the_same_items_in_order() -> None:
    assert list(ahead(range(100), 4)) == list(range(100))
    assert list(ahead([], 4)) == []


def test_no_more_is_made_than_asked_for() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    stream = ahead(items(), 3)
    assert next(stream) == 0
    time.sleep(0.3)
    assert 2 <= len(made) <= 6  # one given out, three ready, one in hand
    stream.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("second")

    stream = ahead(items(), 8)
    assert next(stream) == 1
    with pytest.raises(ValueError, match="second"):
        next(stream)


def test_an_item_is_made_while_the_one_before_is_used() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    stream = ahead(items(), 2)
    assert next(stream) == 1
    assert second.wait(60)  # without anybody asking for it
    assert list(stream) == [2]
