"""A long video through a teacher that looks at a window of frames at a time, as one sequence of maps that agree.

As Video Depth Anything does (arXiv 2501.12375, section 3.3): the next window begins with `overlap` frames that were seen before. Their
maps, old and new, give the new window's scale and shift; over the last frames of the old window, which both saw, the maps fade from one to
the other. Some of the overlap may be older: the first frame of the video, which holds the scale in place, and one from the middle of the
window before. No more than a window of frames and two of maps are held, however long the video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from pipeline.labelling.alignment import Affine, Map, fit

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """How windows lie.

    Attributes:
        window: frames that the teacher sees at once.
        overlap: of these, frames of the window before; 1 to window - 1.
        keys: of these, older frames than the window's last ones: 0 or 2, below `overlap`.
    """

    window: int
    overlap: int
    keys: int = 0

    @property
    def tail(self) -> int:
        """Last frames of a window that the next one sees again; there the maps fade."""
        return self.overlap - self.keys

    @property
    def positions(self) -> list[int]:
        """Of the older frames in the window before: its first (the video's first, always) and one at 3/8 (12 of 32, as published)."""
        return [0, 3 * self.window // 8][: self.keys]


@dataclass
class Drift:
    """What alignment did over a sequence; plain numbers for the depth file.

    Attributes:
        windows: looked at.
        smallest: scale that a window was given.
        largest: the same.
    """

    windows: int = 0
    smallest: float = 1.0
    largest: float = 1.0

    def add(self, relation: Affine | None) -> None:
        """Count a window."""
        self.windows += 1
        if relation is not None:
            self.smallest, self.largest = min(self.smallest, relation.scale), max(self.largest, relation.scale)

    def facts(self) -> dict[str, Any]:
        """Names of the depth file's summary."""
        return {"windows": self.windows, "window_scale_min": self.smallest, "window_scale_max": self.largest}


def joined(items: Iterable[Item], look: Callable[[list[Item]], list[Map]], plan: Plan, drift: Drift) -> Iterator[tuple[Item, Map]]:
    """Every item, in order, with its map, all maps in the scale and shift of the first window.

    Args:
        items: the frames.
        look: the teacher: the maps of a window's items, (h, w) float32 each, all of one shape; the last window may be short.
        plan: how windows lie.
        drift: counts what was done.
    """
    stream = iter(items)
    window = fresh = list(islice(stream, plan.window))
    known: list[Map] = []  # maps of the overlap, as aligned before
    waiting: list[tuple[Item, Map]] = []
    while fresh:
        maps = look(window)
        if known:
            relation = fit(np.stack(maps[: plan.overlap]), np.stack(known))
            maps = [relation.of(item) for item in maps]
            waiting = _faded(waiting, maps[plan.keys : plan.overlap])
        drift.add(relation if known else None)
        waiting += zip(fresh, maps[-len(fresh) :], strict=True)
        done = max(len(waiting) - plan.tail, 0)
        yield from waiting[:done]
        waiting = waiting[done:]
        if len(window) < plan.window:
            break
        anchor = known[:1] if plan.keys else []  # as the first window saw it: an error does not grow from window to window
        known = [maps[position] for position in plan.positions] + maps[-plan.tail :]
        known[: len(anchor)] = anchor
        window = [window[position] for position in plan.positions] + window[-plan.tail :]
        fresh = list(islice(stream, plan.window - plan.overlap))
        window += fresh
    yield from waiting


def _faded(old: list[tuple[Item, Map]], new: list[Map]) -> list[tuple[Item, Map]]:
    """From the old window's maps to the new one's, in equal steps."""
    shares = np.arange(1, len(new) + 1, dtype=np.float32) / np.float32(len(new) + 1)
    pairs = zip(old, new, shares, strict=True)
    return [(item, before * (1 - share) + after * share) for (item, before), after, share in pairs]
