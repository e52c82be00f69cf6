"""A system's own pictures: what is read for them, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from pipeline.contract.pictures import Matrix, Overlay, Pictures, Shown, Stretch
from pipeline.files import frames
from pipeline.report import system
from tests.pipeline import seen
from tests.pipeline.report.test_parts import tracked

NUMBERS = np.array([[1.0, 0.25], [0.25, 1.0]], np.float32)


def test_a_matrix_has_its_names_and_is_escaped() -> None:
    figure = system.matrix(Matrix("cosines <b>", NUMBERS, ["p", "q"], ["p", "q"], (0.0, 1.0), ("person", "other")))
    assert figure.count("<svg") == 1
    assert "cosines &lt;b&gt;" in figure
    for word in ("person", "other", ">p<", ">q<"):
        assert word in figure


def test_a_large_matrix_names_every_third_row() -> None:
    values = np.full((30, 30), 0.125, np.float32)
    figure = system.matrix(Matrix("m", values, [f"r{i}" for i in range(30)], [f"c{i}" for i in range(30)], (0.0, 1.0), ("a", "b")))
    assert ">r0<" in figure
    assert ">r3<" in figure
    assert ">r1<" not in figure


def test_weights_are_drawn_with_the_box_that_they_belong_to(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[np.ndarray] = []
    monkeypatch.setattr(system.media, "picture", lambda image, caption: drawn.append(image) or caption)
    image = seen.picture(64, 32)
    weights = np.zeros((4, 8), np.float32)
    weights[1, 6] = 0.5
    shown = Overlay("look", 0, weights, np.array([4, 4, 20, 28], np.float32))
    assert system.drawn(shown, Stretch("s", np.array([7]), [image], 15.0), 64) == "look, brightest 0.500"
    (picture,) = drawn
    assert (picture[4, 4:21] == 255).all()
    coloured = np.argwhere(np.ptp(picture.astype(int), axis=-1) > 40)
    assert abs(coloured.mean(0) - [12, 52]).max() < 2, "where the weight lies, stretched over the picture"


@pytest.mark.parametrize(("count", "expected"), [(2, [3, 4]), (9, [1, 2, 3, 4])])
def test_a_stretch_ends_with_the_most_crowded_frame(monkeypatch: pytest.MonkeyPatch, count: int, expected: list[int]) -> None:
    near = (0, 0, 10, 10)
    sequence = tracked([4, 4, 5], [near, near, near], [1, 2, 3, 4, 5])
    asked: list[int] = []

    def show(network: nn.Module, before: nn.Module | None, options: seen.Options, stretch: Stretch) -> list[Shown]:
        assert before is None
        assert [image.shape for image in stretch.images] == [(96, 128, 3)] * len(stretch.numbers)
        asked.extend(stretch.numbers.tolist())
        return [Matrix("mine", NUMBERS, ["p", "q"], ["p", "q"], (0.0, 1.0), ("a", "b"))]

    def read(path: Path) -> Iterator[frames.Frame]:
        yield from (frames.Frame("d", "s", number, number / 15, 64, 48) for number in range(1, 6))

    monkeypatch.setattr(system, "read_frames", read)
    monkeypatch.setattr(system, "decode_jpeg", lambda image, where: seen.picture(64, 48))
    part: Pictures[seen.Options, nn.Module] = Pictures("Own", "What is seen", lambda options: count, show)
    section = system.own([sequence], seen.detector(128, 96), None, part, 64)
    assert asked == expected
    assert "What is seen" in section
    assert section.count("<figure>") == 1
    assert system.own([sequence], seen.detector(128, 96), None, replace(part, show=lambda *_: []), 64) == ""
