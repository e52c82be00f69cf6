"""A parameter file whose values change keeps everything else."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.params.edit import edited
from tests.shared import ROOT

FILE = (ROOT / "presets" / "walkers.yaml").read_text()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.tracker.iou_limit", 0.5),  # a number
        ("model.tracker.refind", "off"),  # a word that bare would be false
        ("finetune.lr_drop_epochs", [2]),  # a list
        ("finetune.mix", {"DanceTrack": 0.5}),  # a mapping
        ("finetune.weights", "a rather long path/of/weights.safetensors"),  # longer than the room before the comment
        ("track.detections", "public"),  # its comment has a second line
        ("extract_frames.sources", []),  # a block
    ],
)
def test_one_value_changes_and_nothing_else(key: str, value: Any) -> None:
    text = edited(FILE, {key: value}, "params.yaml")
    expected, place = yaml.safe_load(FILE), key.split(".")
    section = expected
    for part in place[:-1]:
        section = section[part]
    section[place[-1]] = value
    assert yaml.safe_load(text) == expected
    assert re.findall("#.*", text) == re.findall("#.*", FILE), "every comment stays"
    before, after = FILE.splitlines(), text.splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    assert len(changed) == 1 or len(before) != len(after)


def test_a_comment_keeps_its_column() -> None:
    text = "a:\n  b: 1.25    # why\n  c: 2\n"
    assert edited(text, {"a.b": 0.5, "a.c": 10}, "f") == "a:\n  b: 0.5     # why\n  c: 10\n"


def test_an_unknown_key_names_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"p\.yaml: a\.x is not in it; a has b, c"):
        edited("a: {b: 1, c: 2}\n", {"a.x": 3}, "p.yaml")
