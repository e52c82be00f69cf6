"""The aims of a run: for each preset and aim, what was measured, the limit and whether it was reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.gpu.step import PLAIN, TRAINER

OF_BOUND, OVER_PLAIN, DETERMINISM, DECODING = 0.5, 3.0, 0.1, 0.1


class Aim(NamedTuple):
    """One aim for one preset.

    Attributes:
        preset: name of the preset.
        what: the aim in words.
        found: what was measured.
        limit: what was to be reached.
        reached: whether it was reached.
    """

    preset: str
    what: str
    found: float
    limit: float
    reached: bool


def aims(found: Mapping[str, Any]) -> list[Aim]:
    """All aims whose lines a run has, by preset."""
    rows = found["steps"]
    presets = dict.fromkeys(row["preset"] for row in rows if "preset" in row)
    return [aim for preset in presets for aim in [*_step(preset, rows), *_tracking(preset, found["forward"])]]


def _step(preset: str, rows: list[dict[str, Any]]) -> list[Aim]:
    own = [row for row in rows if row.get("preset") == preset]
    seconds = {row["variant"]: row["seconds"] for row in own if "variant" in row and row["variant"] != "with transfer"}
    bound = next((row["total"]["eager"] for row in own if "layers" in row), None)
    waited = next((row["waits"] for row in own if "waits" in row), None)
    made = []
    if seconds and bound is not None:
        share = bound / min(seconds.values())
        made.append(Aim(preset, "share of the bound that the fastest step reaches", share, OF_BOUND, share >= OF_BOUND))
    if seconds and PLAIN.name in seconds:
        times = seconds[PLAIN.name] / min(seconds.values())
        made.append(Aim(preset, "times as fast as eager float32", times, OVER_PLAIN, times >= OVER_PLAIN))
    if TRAINER.name in seconds and "not deterministic" in seconds:
        cost = seconds[TRAINER.name] / seconds["not deterministic"] - 1
        made.append(Aim(preset, "what determinism costs", cost, DETERMINISM, cost <= DETERMINISM))
    if waited is not None:
        made.append(Aim(preset, "times that a step waits for the device", float(waited), 0.0, waited == 0))
    return made


def _tracking(preset: str, rows: list[dict[str, Any]]) -> list[Aim]:
    over = [row["over_bare"] for row in rows if row.get("preset") == preset and "over_bare" in row]
    if not over:
        return []
    return [Aim(preset, "what decode adds to the bare forward, at worst", max(over), DECODING, max(over) <= DECODING)]
