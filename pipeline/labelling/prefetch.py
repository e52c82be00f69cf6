"""Prepare inputs in a thread while the model works on those before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

Item = TypeVar("Item")
_END = object()
_CHECK_SECONDS = 0.1  # how soon the thread sees that nobody listens any more


def ahead(items: Iterable[Item], count: int) -> Iterator[Item]:
    """The same items, up to `count` of them made before they are asked for. What making one raises is raised here, in its place.

    Decoding and resizing leave Python's lock, so that the thread and the model run side by side.
    """
    ready: queue.Queue[object] = queue.Queue(max(count, 1))
    unwanted = threading.Event()

    def put(item: object) -> bool:
        while not unwanted.is_set():
            try:
                ready.put(item, timeout=_CHECK_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put(_END)
        except BaseException as error:  # all of it belongs to whoever asks for the next item
            put((None, error))

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        while (entry := ready.get()) is not _END:
            item, error = cast("tuple[Item, BaseException | None]", entry)
            if error is not None:
                raise error
            yield item
    finally:
        unwanted.set()
        thread.join()
