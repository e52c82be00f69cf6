"""Quicker imports of large libraries."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Import in the block without garbage collection.

    What a library makes when it is imported stays, and looking through it again and again takes a fifth of the time of importing MLflow
    and Ray, and nearly all of the time in which the process ends. So it is left out of all later collections too.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if before:
            gc.enable()
