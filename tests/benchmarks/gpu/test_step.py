"""The step that is timed is the training loop's, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu.card import H100, Card
from benchmarks.gpu.cases import TINY, cases
from benchmarks.gpu.roofline import Counter, count, grouped, is_whole, total
from benchmarks.gpu.shapes import count_clip
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
        average=None,
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


def test_the_backward_pass_counts_for_the_layers_of_the_forward_pass() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1, bias=False), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 1, bias=False))
    frozen = torch.nn.Conv2d(3, 3, 1, bias=False).requires_grad_(False)
    with Counter(Card("made up", 1e9, 1e9, False)) as counter:
        network(frozen(torch.randn(1, 3, 10, 12))).sum().backward()
    first, last = (2 * inputs * outputs * area * 10 * 12 for inputs, outputs, area in ((3, 8, 9), (8, 4, 1)))
    assert counter.layers["0"].operations == 2 * first, "its input asks for no gradient"
    assert counter.layers["2"].operations == 3 * last
    assert counter.layers["1"].operators == 2
    assert counter.layers["step"].operations == 2 * 3 * 3 * 10 * 12, "a network by itself has no name, and this one no backward pass"


@pytest.mark.slow
def test_a_clip_is_counted_from_shapes_as_its_step_is() -> None:
    case = next(case for case in cases(tiny=True) if case.spec.name == "fdta")
    shaped = grouped(count_clip(case, H100), depth=2)
    real = grouped(count(Step(case, CPU, replace(TRAINER, bfloat16=False)), H100), depth=2)
    for name in ("detector.backbone", "detector.detr", "detector.spatial", "association.temporal", "association.id_decoder"):
        assert shaped[name].operations == pytest.approx(real[name].operations), name
    everything = [total(each.values()).operations for each in (shaped, real)]
    assert everything[0] == pytest.approx(everything[1], rel=2e-3), "but for the losses"


def test_a_step_is_counted_forward_backward_and_optimiser() -> None:
    case = cases(tiny=True)[0]
    layers = count(Step(case, CPU), Card("made up", 1e12, 1e11, False))
    assert is_whole(layers)
    assert layers["optimiser"].eager > 0
    assert total(layers.values()).eager >= total(layers.values()).fused > 0
