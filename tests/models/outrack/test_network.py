"""The heads of OUTrack and CenterTrack, and what the weights of one give the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.centertrack import network as centertrack_network
from models.dense.network import CentreNetwork
from models.outrack.network import build_network
from pipeline.files import model_folder
from tests.models.centertrack import samples as centertrack
from tests.models.outrack.samples import small_options


def built(system: str, **network: Any) -> CentreNetwork:
    if system == "outrack":
        return build_network(small_options(**network))
    return centertrack_network.build_network(centertrack.small_options(**network))


@pytest.mark.parametrize(
    ("system", "channels"),
    [
        ("outrack", {"heatmap": 1, "size": 4, "offset": 2, "embedding": 8, "occlusion": 1, "occlusion_offset": 2}),
        ("centertrack", {"heatmap": 1, "size": 4, "offset": 2, "displacement": 2, "occlusion": 1, "occlusion_offset": 2}),
    ],
)
@pytest.mark.parametrize("occlusion", [True, False])
def test_each_system_has_its_heads(system: str, channels: dict[str, int], occlusion: bool) -> None:
    network = built(system, occlusion=occlusion, depth_head=False).eval()
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, 64, 96))
    wanted = {name: (2, count, 16, 24) for name, count in channels.items() if occlusion or "occlusion" not in name}
    assert {name: tuple(maps.shape) for name, maps in outputs._asdict().items() if maps is not None} == wanted


@pytest.mark.parametrize("backbone", [{}, {"backbone": "dla34", "width": 64}])
def test_weights_of_one_start_the_other(backbone: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    before, after = (built(system, **backbone) for system in ("outrack", "centertrack"))
    model_folder.save(before, tmp_path / "weights.safetensors")
    report = model_folder.load(after, tmp_path / "weights.safetensors", min_loaded=0.9)
    assert not report.mismatched
    assert set(report.unexpected) == {"heads.last.embedding.weight", "heads.last.embedding.bias"}
    assert {name for name in report.missing if ".memory." not in name} == {"heads.last.displacement.weight", "heads.last.displacement.bias"}
    assert torch.equal(before.heads.hidden.weight, after.heads.hidden.weight)


def test_a_network_that_looks_back_is_exported_for_single_images() -> None:
    torch.manual_seed(0)
    network = built("centertrack").eval().requires_grad_(False)
    images = torch.rand(2, 3, 64, 64)
    program = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    one = torch.rand(1, 3, 64, 64)
    for exported, plain in zip(program(one), network(one), strict=True):
        assert (exported is None and plain is None) or torch.allclose(exported, plain, atol=1e-5)
