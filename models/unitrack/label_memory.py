"""The frames whose labels are handed on: the first one and the latest ones (appendix B.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from models.unitrack.propagation import Source


class LabelMemory:
    """A bounded memory of frames with labels.

    Frames in which objects are given are anchors: the first frame, and each later one in which an object appears. An anchor serves
    for as long as the memory lives, the others until `size - 1` newer ones exist, so that memory does not grow with the video.

    Args:
        size: frames in memory, the first one included (M of the paper).
        fill: whether the first frame takes the places of latest frames that do not exist yet, as the released code does. In those
            frames the top k then hold copies of few points. The paper does not say so, and by default the places stay empty.

    Raises:
        ValueError: `size` is below 1.
    """

    def __init__(self, size: int = 6, *, fill: bool = False) -> None:
        if size < 1:
            raise ValueError(f"a memory holds at least the first frame, not {size} frames")
        self.anchors: list[Source] = []
        self._latest: deque[Source] = deque(maxlen=size - 1)
        self._fill = fill

    @property
    def latest(self) -> list[Source]:
        """The latest frames, oldest first; the first frame stands in for those that do not exist yet if the memory fills."""
        missing = (self._latest.maxlen or 0) - len(self._latest) if self._fill and self.anchors else 0
        return [self.anchors[0]] * missing + list(self._latest)

    def anchor(self, source: Source) -> None:
        """Remember a frame in which objects are given; its labels are as many as those of the other frames (`revise`)."""
        self.anchors.append(source)

    def revise(self, change: Callable[[Source], Source]) -> None:
        """Replace each remembered frame, as when an object comes that its labels do not know."""
        self.anchors = [change(source) for source in self.anchors]
        self._latest = deque((change(source) for source in self._latest), self._latest.maxlen)

    def append(self, source: Source) -> None:
        """Remember a frame whose labels were propagated; the oldest one beyond the size is forgotten."""
        self._latest.append(source)
