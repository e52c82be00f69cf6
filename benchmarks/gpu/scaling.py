"""Training on 1, 8 and 64 GPUs on paper: what gradients, stragglers and loaders leave of a card's own speed.

    python -m benchmarks.gpu.scaling --images 400 --batch 24 --parameters 20e6

Every assumption is a parameter; nothing here is measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

CARDS = (1, 8, 64)


@dataclass(frozen=True)
class Assumptions:
    """What the estimate rests on.

    Attributes:
        images: images per second of one card alone.
        batch: images per card and step.
        parameters: trained scalars, whose float32 gradients are summed over cards.
        node: cards of one machine.
        inner: bytes per second of a card's link inside a machine, one way (NVLink 4: 450e9).
        outer: bytes per second of a card's share of the network between machines (400 Gb/s: 50e9).
        latency: seconds of each message of a ring.
        overlap: share of the summing that is hidden behind the backward pass (DDP's buckets hide all but the last).
        backward: share of a step that the backward pass takes.
        jitter: standard deviation of a card's step, relative to its mean.
        cores: cores of the host that decode, for each card.
        core_images: images per second that a core decodes and augments.
    """

    images: float = 400.0
    batch: float = 24.0
    parameters: float = 20e6
    node: int = 8
    inner: float = 450e9
    outer: float = 50e9
    latency: float = 10e-6
    overlap: float = 0.9
    backward: float = 0.6
    jitter: float = 0.02
    cores: float = 12.0
    core_images: float = 28.0


@dataclass(frozen=True)
class Estimate:
    """A training on several cards.

    Attributes:
        cards: number of cards.
        compute: seconds of one card's step alone.
        summing: seconds that summing gradients takes.
        exposed: of these, seconds that nothing hides.
        straggling: seconds that the mean card waits for the slowest.
        feeding: seconds in which the loaders make the batch.
        per_second: images per second of all cards.
        efficiency: images per second over those of as many cards that never wait.
        bound: what takes longest: `compute` or `loaders`.
    """

    cards: int
    compute: float
    summing: float
    exposed: float
    straggling: float
    feeding: float
    per_second: float
    efficiency: float
    bound: str


def estimate(cards: int, given: Assumptions) -> Estimate:
    """The step of a data-parallel training, all-reduced in a ring whose slowest link counts."""
    compute = given.batch / given.images
    summing = 0.0
    if cards > 1:
        link = given.inner if cards <= given.node else given.outer
        steps = 2 * (cards - 1)
        summing = steps / cards * 4 * given.parameters / link + steps * given.latency
    exposed = max(summing * (1 - given.overlap), summing - given.backward * compute)
    straggling = given.jitter * compute * math.sqrt(2 * math.log(cards))  # mean of the largest of n normal numbers, from above
    feeding = given.batch / (given.cores * given.core_images)
    step = max(compute + exposed + straggling, feeding)
    per_second = cards * given.batch / step
    bound = "loaders" if feeding >= step else "compute"
    return Estimate(cards, compute, summing, exposed, straggling, feeding, per_second, compute / step, bound)


def table(given: Assumptions, cards: Sequence[int] = CARDS) -> str:
    """Markdown: one row per number of cards, the assumptions below."""
    head = (
        "| GPUs | images/s | efficiency | step | gradients | of these exposed | stragglers | loaders | bound by |\n|"
        + "---:|" * 8
        + "---|\n"
    )
    rows = "".join(_row(estimate(count, given)) for count in cards)
    stated = ", ".join(f"{each.name} {getattr(given, each.name):g}" for each in fields(given))
    return f"{head}{rows}\nAssumed: {stated}."


def main(words: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=int, nargs="+", default=list(CARDS))
    for each in fields(Assumptions):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(each.default), default=each.default, help="%(default)s")
    chosen = vars(parser.parse_args(words))
    cards = chosen.pop("cards")
    print(table(Assumptions(**chosen), cards))


def _row(found: Estimate) -> str:
    step = found.compute + found.exposed + found.straggling
    times = " | ".join(f"{1e3 * each:.2f} ms" for each in (max(step, found.feeding), found.summing, found.exposed, found.straggling))
    return (
        f"| {found.cards} | {found.per_second:,.0f} | {found.efficiency:.0%} | {times} | {1e3 * found.feeding:.2f} ms | {found.bound} |\n"
    )


if __name__ == "__main__":
    main()
