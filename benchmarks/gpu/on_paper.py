"""What can be said of a card without one: the roofline of each paper preset's step, and many cards, to benchmarks/gpu/paper.json.

    python -m benchmarks.gpu.on_paper

Counts one sample at full size on the CPU, as if in bfloat16, and scales it to a card's batch; a long clip is counted from shapes
alone (`shapes`). It takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import torch

from benchmarks.gpu import report, roofline, scaling, shapes
from benchmarks.gpu.card import H100
from benchmarks.gpu.cases import Case, cases, in_small
from benchmarks.gpu.need import core_seconds
from benchmarks.gpu.step import TRAINER, Step

PRECISE = replace(TRAINER, bfloat16=False)
LONG = 2  # frames of a sample beyond which it is counted from shapes
ATTAINED = 0.5  # of the eager bound, the aim, which the estimate for many cards takes for granted


def main() -> None:
    """Entry point."""
    argparse.ArgumentParser(prog="python -m benchmarks.gpu.on_paper", description=(__doc__ or "").splitlines()[0]).parse_args()
    found = [counted(case) for case in cases()]
    report.ON_PAPER.write_text(json.dumps({"card": H100.name, "presets": found, "scaling": many(found[0], cases()[0])}, indent=1) + "\n")
    measured = json.loads(report.RESULTS.read_text()) if report.RESULTS.exists() else None
    report.write(measured)


def counted(case: Case) -> dict[str, Any]:
    """The roofline of a card's batch: that of one sample, or of one group of samples, scaled to the batch."""
    if case.sample_frames > LONG:
        parameters, layers = _parameters(in_small(case)), shapes.count_clip(case, H100)
        factor = float(case.batch)
    else:
        step = Step(replace(case, batch=case.group), torch.device("cpu"), PRECISE)
        layers, factor = roofline.count(step, H100, half=True), case.batch / case.group
        parameters = sum(each.numel() for each in step.task.parameters() if each.requires_grad)
    layers = {name: layer if name == "optimiser" else layer.scaled(factor) for name, layer in roofline.grouped(layers).items()}
    return {
        "preset": case.name,
        "images": case.batch * case.sample_frames,
        "parameters": parameters,
        "total": vars(roofline.total(layers.values())),
        "layers": roofline.rows(layers, H100),
    }


def _parameters(case: Case) -> int:
    task = Step(case, torch.device("cpu"), PRECISE).task
    return sum(each.numel() for each in task.parameters() if each.requires_grad)


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
