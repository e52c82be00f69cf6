"""A tracker's steps: frames by their numbers, or, where they come at a varying rate, by their times."""

from __future__ import annotations

LONGEST_HOLE = 60.0  # seconds that a tracker goes through step by step


class FrameClock:
    """Says at which step of its tracker each frame of a sequence comes.

    Frames of a constant rate keep their numbers. Frames of a varying rate are numbered by their times, one step for each usual interval, so
    that a hole of ten seconds is one to the tracker too and its buffer is in seconds.

    Args:
        interval: usual seconds from frame to frame of a video whose rate varies; None: the rate is constant.
    """

    def __init__(self, interval: float | None) -> None:
        self._interval = interval
        self._before = 0

    def step(self, number: int, time: float) -> int:
        """The step of a sequence's next frame, above those of the frames before; a hole longer than any tracker's memory is cut short.

        Args:
            number: of the frame, from 1.
            time: seconds from the sequence's first frame.
        """
        if self._interval is None:
            return number
        rate = 1 / self._interval
        due = max(self._before + 1, round(time * rate) + 1)
        self._before = min(due, self._before + round(LONGEST_HOLE * rate) + 1)
        return self._before
