"""The face for people: `Tracker` for programs, the `throughline` command for shells (one verb in each file of verbs/).

Imports anything of the repository; nothing imports it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughline import where

if TYPE_CHECKING:
    from throughline.tracker import Tracker

__all__ = ["PARAMS", "Tracker"]

PARAMS: Path = where.root() / "params.yaml"  # which a command reads unless it is told another


def __getattr__(name: str) -> object:
    """`Tracker` is imported when it is asked for, so that `throughline --help` need not wait for it."""
    if name == "Tracker":
        from throughline.tracker import Tracker

        return Tracker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
