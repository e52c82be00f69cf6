"""Aims are read off a run, by hand."""

from __future__ import annotations

from benchmarks.gpu.aims import aims

STEPS = [
    {"preset": "a", "total": {"eager": 0.03}, "layers": []},
    {"preset": "a", "variant": "the trainer's step", "seconds": 0.055},
    {"preset": "a", "variant": "eager float32", "seconds": 0.2},
    {"preset": "a", "variant": "not deterministic", "seconds": 0.05},
    {"preset": "a", "variant": "with transfer", "seconds": 0.01},
    {"preset": "a", "waits": 2},
    {"name": "a: compiled", "failed": "no compiler"},
]
FORWARD = [{"preset": "a", "over_bare": 0.05}, {"preset": "a", "over_bare": 0.12}]


def test_each_aim_is_judged_by_the_fastest_step_and_the_worst_forward() -> None:
    found = {aim.what: (round(aim.found, 3), aim.reached) for aim in aims({"steps": STEPS, "forward": FORWARD})}
    assert found == {
        "share of the bound that the fastest step reaches": (0.6, True),  # 0.03 of 0.05 s; the one with transfer is no variant
        "times as fast as eager float32": (4.0, True),
        "what determinism costs": (0.1, True),
        "times that a step waits for the device": (2.0, False),
        "what decode adds to the bare forward, at worst": (0.12, False),
    }


def test_what_was_not_measured_is_no_aim() -> None:
    assert aims({"steps": [{"preset": "a", "variant": "with transfer", "seconds": 1.0}], "forward": []}) == []
