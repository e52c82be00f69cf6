"""The step that is timed is the training loop's, bit by bit."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from benchmarks.gpu.card import Card
from benchmarks.gpu.cases import TINY, cases
from benchmarks.gpu.roofline import Counter, count, is_whole, total
from benchmarks.gpu.step import TRAINER, Step, algorithms
from pipeline.training.trainer import Trainer

CPU = torch.device("cpu")


def test_parameters_end_where_the_trainers_do() -> None:
    case = cases(tiny=True)[0]
    assert (case.width, case.height, case.sample_frames) == (TINY["width"], TINY["height"], 2)
    ours, theirs = Step(case, CPU), Step(case, CPU)
    trainer = SimpleNamespace(
        device=CPU,
        job=SimpleNamespace(precision="bfloat16"),
        model=theirs.task,
        task=theirs.task,
        settings=case.settings.shared,
        clipped=theirs.clipped,
        optimisers=theirs.optimisers,
        _lr=lambda step: case.settings.shared.lr,
    )
    with algorithms(TRAINER):
        for _ in range(2):
            ours()
            Trainer._step(trainer, theirs.batch, 0)  # type: ignore[arg-type]
    pairs = zip(ours.task.parameters(), theirs.task.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_convolutions_cost_is_counted_by_its_layer_and_bounded_by_the_roofline() -> None:
    card = Card("made up", peak=1e9, bandwidth=1e9, stated=False)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.nn.ReLU())
    image = torch.randn(1, 3, 10, 12)
    with torch.no_grad(), Counter(card) as counter:
        network(image)
    convolution, relu = counter.layers["0"], counter.layers["1"]
    assert convolution.operations == 2 * 8 * 3 * 9 * 10 * 12
    assert convolution.product_bytes == 4 * (3 * 120 + 8 * 120 + 8 * 27)
    assert convolution.fused == convolution.operations / card.peak
    assert (relu.operations, relu.other_bytes, relu.fused) == (0, 2 * 4 * 8 * 120, 0)


def test_a_step_is_counted_forward_backward_and_optimiser() -> None:
    case = cases(tiny=True)[0]
    layers = count(Step(case, CPU), Card("made up", 1e12, 1e11, False))
    assert is_whole(layers)
    assert layers["optimiser"].eager > 0
    assert total(layers.values()).eager >= total(layers.values()).fused > 0
