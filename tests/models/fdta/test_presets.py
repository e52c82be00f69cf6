"""Presets of the paper's data sets: a step on clips of their length, with their bins and weights, through a small network."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.fdta.loss import build_task
from models.fdta.network import build_network
from models.fdta.options import FdtaOptions
from pipeline.params import preset
from tests.models.fdta.samples import batch, walk
from tests.pipeline.tiny import settings_of

SMALL = (
    {"backbone": "resnet_fpn", "backbone_width": 8, "width": 16, "heads": 2, "points": 2, "hidden": 16, "num_queries": 12, "max_objects": 8}
    | {"encoder_layers": 1, "decoder_layers": 2, "heat_hidden": 16, "depth_hidden": 16, "depth_stride": 16, "temporal_layers": 1}
    | {"temporal_hidden": 16, "id_layers": 1, "id_heads": 2, "id_hidden": 16, "trajectory_hidden": 16, "identity_hidden": 16}
)
CASES: dict[str, dict[str, Any]] = {  # what the released code has for each data set
    "fdta_dancetrack": {"frames": 30, "depth_bins": 150, "foreground": 6.0},
    "fdta_sportsmot": {"frames": 60, "depth_bins": 150, "foreground": 7.0},
    "fdta_bft": {"frames": 20, "depth_bins": 120, "foreground": 10.0},
    "fdta_pets": {"frames": 8, "depth_bins": 40, "foreground": 6.0},
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_on_a_clip_of_the_presets_length(name: str) -> None:
    values, wanted = preset.values(name)["model"], CASES[name]
    full = FdtaOptions.model_validate({part: values[part] for part in ("network", "loss", "tracker")})
    assert (full.network.frames, full.network.depth_bins, full.loss.depth_foreground_weight) == tuple(wanted.values())
    loss = {"groups": 2, "gradient_frames": 1, "identity_from_epoch": 0}
    options = FdtaOptions.model_validate(
        {"network": values["network"] | SMALL, "loss": values["loss"] | loss, "tracker": values["tracker"]},
    )
    torch.manual_seed(0)
    task = build_task(build_network(options), options, settings_of(), 0)
    frames = options.network.frames
    losses = task(batch([walk(frames, people=[[8, 10, 24, 50], [40, 12, 58, 60]], absent={frames // 2: [0]})], options))
    losses.total.backward()
    assert all(torch.isfinite(value) for value in losses.terms.values())
    assert losses.terms["known_asked"] > 0
    assert [key for key, p in task.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []
