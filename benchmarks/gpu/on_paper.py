"""What can be said of a card without one: the roofline of each paper preset's step, and many cards, to benchmarks/gpu/paper.json.

    python -m benchmarks.gpu.on_paper

Counts one sample at the preset's full size on the CPU, as if in bfloat16, and scales it to a card's batch.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch

from benchmarks.gpu import report, roofline, scaling
from benchmarks.gpu.card import H100
from benchmarks.gpu.cases import Case, cases
from benchmarks.gpu.need import core_seconds
from benchmarks.gpu.step import TRAINER, Step

ATTAINED = 0.5  # of the eager bound, the aim, which the estimate for many cards takes for granted


def main() -> None:
    """Entry point."""
    found = [counted(case) for case in cases()]
    report.ON_PAPER.write_text(json.dumps({"card": H100.name, "presets": found, "scaling": many(found[0], cases()[0])}, indent=1) + "\n")
    measured = json.loads(report.RESULTS.read_text()) if report.RESULTS.exists() else None
    report.write(measured)


def counted(case: Case) -> dict[str, Any]:
    """The roofline of a card's batch."""
    step = Step(replace(case, batch=1), torch.device("cpu"), replace(TRAINER, bfloat16=False))
    one = roofline.count(step, H100, half=True)
    layers = {name: layer if name == "optimiser" else layer.scaled(case.batch) for name, layer in roofline.grouped(one).items()}
    parameters = sum(each.numel() for each in step.task.parameters() if each.requires_grad)
    return {
        "preset": case.name,
        "images": case.batch * case.sample_frames,
        "parameters": parameters,
        "total": vars(roofline.total(layers.values())),
        "layers": roofline.rows(layers, H100),
    }


def many(found: dict[str, Any], case: Case) -> str:
    """A training of the first preset on 1, 8 and 64 cards."""
    given = scaling.Assumptions(
        images=ATTAINED * found["images"] / found["total"]["eager"],
        batch=found["images"],
        parameters=found["parameters"],
        core_images=1 / (core_seconds() * case.width * case.height),
    )
    return scaling.table(given)


if __name__ == "__main__":
    main()
