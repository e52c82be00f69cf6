"""Boxes followed on a map: one who walks, who is lost where the first box is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from experiments.represent import followed_boxes
from experiments.represent.followed_boxes import follow, summarise
from experiments.represent.shown import Shown
from models.unitrack.network import build
from models.unitrack.options import RepresentationOptions
from pipeline.files.frames import FrameWriter
from tests.stages.repository import frame


def test_a_walker_is_followed_better_than_by_standing_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A red person of 20 by 60 pixels walks 8 pixels a frame, so that the first box is left after three."""
    with FrameWriter(tmp_path / "s.parquet", {"frame_rate": 10.0}) as writer:
        for number in range(1, 9):
            writer.write(frame("s", number))
    rows = {name: options and options.model_copy(update={"crop": 128}) for name, options in followed_boxes.ROWS.items()}
    monkeypatch.setattr(followed_boxes, "ROWS", rows)
    torch.manual_seed(0)
    found = summarise([follow(Shown(tmp_path / "s.parquet", (1, 8)), build(RepresentationOptions(network="resnet18", layer="layer2")))])
    assert list(found) == list(followed_boxes.ROWS)
    assert found["still"]["AUC"] < 40
    assert found["DCF"]["AUC"] > found["still"]["AUC"] + 20
    assert {scores["people"] for scores in found.values()} == {1}


def test_nobody_in_sight_from_the_first_frame_on_is_nobody_followed(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "s.parquet", {"frame_rate": 10.0}) as writer:
        writer.write(frame("s", 1))
    found = summarise([follow(Shown(tmp_path / "s.parquet", (2, 8)), build(RepresentationOptions(network="resnet18", layer="layer2")))])
    assert {scores["people"] for scores in found.values()} == {0}
