"""Table 4 in small: people of different colours, who are told apart by what they look like and by nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments.represent import true_boxes
from experiments.represent.shown import Scores, Shown
from experiments.represent.shown import judge as judge_all
from experiments.represent.true_boxes import ROWS
from models.unitrack.network import Maps, build
from models.unitrack.options import RepresentationOptions
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg

WIDTH, HEIGHT, FRAMES = 256, 128, 8
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))


class _Same(nn.Module):
    """Sees the same everywhere."""

    def forward(self, images: torch.Tensor) -> Maps:
        return Maps(torch.ones(1, 4, HEIGHT // 8, WIDTH // 8))


def _frame(number: int) -> Frame:
    """Four people in coloured stripes, each of whom takes the next one's place in the next frame, so that overlap says nothing."""
    places = [16 + 60 * ((person + number) % 4) for person in range(4)]
    boxes = np.array([(left, 24, left + 32, 104) for left in places], np.float32)
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for colour, left in zip(COLOURS, places, strict=True):
        image[24:104, left : left + 32] = colour
    sure = np.ones(4, np.float32)
    objects = Objects(boxes, np.arange(1, 5), np.ones(4, np.int32), sure, sure, np.zeros(4, np.bool_))
    return Frame("d", "s", number, number / 10, WIDTH, HEIGHT, encode_jpeg(image, 95), objects, boxes[:0], sure[:0])


def judge(shown: list[Shown], network: nn.Module, seed: int) -> Scores:
    return judge_all([true_boxes], shown, network, seed)[0]  # type: ignore[arg-type]


@pytest.fixture
def shown(tmp_path: Path) -> list[Shown]:
    with FrameWriter(tmp_path / "s.parquet", {"frame_rate": 10.0}) as writer:
        for number in range(1, FRAMES + 1):
            writer.write(_frame(number))
    return [Shown(tmp_path / "s.parquet", (1, FRAMES))]


def test_colours_tell_people_apart_where_motion_cannot(shown: list[Shown]) -> None:
    torch.manual_seed(0)
    found = judge(shown, build(RepresentationOptions(network="resnet18", layer="layer2")), seed=0)
    assert list(found) == list(ROWS)
    assert {row: found[row]["IDF1"] for row in ("RSM", "GF", "GPF", "CF")} == dict.fromkeys(("RSM", "GF", "GPF", "CF"), 100.0)
    assert found["motion alone"]["IDF1"] < 60
    assert all(metrics["DetA"] == pytest.approx(100) for metrics in found.values()), "boxes are the true ones"


def test_a_map_that_says_nothing_gains_nothing_from_the_order_of_boxes(shown: list[Shown]) -> None:
    blind = judge(shown, _Same(), seed=0)
    assert blind["RSM"]["IDF1"] < 60
    assert judge(shown, _Same(), seed=0)["RSM"] == blind["RSM"]
    assert judge(shown, _Same(), seed=1)["RSM"] != blind["RSM"]


def test_a_map_is_computed_once_for_all_rows(shown: list[Shown], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    network = _Same()
    monkeypatch.setattr(network, "forward", lambda images: (seen.append(len(images)), _Same.forward(network, images))[1])
    monkeypatch.setattr(true_boxes, "ROWS", dict(list(ROWS.items())[:4]))
    judge(shown, network, seed=0)
    assert seen == [1] * FRAMES
