from __future__ import annotations

from pipeline.files.gathered import Gathered


def test_rows_come_back_as_they_were_added() -> None:
    column = Gathered(4)
    for text in (b"abc", b"", b"0123456789", b"\0"):
        column.add(text)
    found = column.array()
    found.validate(full=True)
    assert found.to_pylist() == [b"abc", b"", b"0123456789", b"\0"]
    assert found.null_count == 0


def test_the_buffer_is_used_again() -> None:
    column = Gathered(2)
    column.add(b"first")
    column.clear()
    column.add(b"other")
    column.add(b"!")
    assert column.array().to_pylist() == [b"other", b"!"]


def test_no_rows_are_an_empty_column() -> None:
    assert Gathered(8).array().to_pylist() == []
