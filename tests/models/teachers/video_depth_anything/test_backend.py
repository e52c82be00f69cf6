from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.teachers import build
from models.teachers.video_depth_anything import network
from models.teachers.video_depth_anything.backend import REPORT, VideoModel
from models.teachers.video_depth_anything.pixels import normalised
from pipeline.errors import UserError
from pipeline.files.frames import decode_jpeg, encode_jpeg
from pipeline.params.sections.data import LabelDepth
from tests.models.teachers.video_depth_anything.test_network import GRID, SMALL, small
from tests.parameters import walkers
from tests.pipeline.labelling import scenes
from tests.pipeline.labelling.scenes import HEIGHT, WIDTH


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of a small network in the published layout, and the network under a published name."""
    monkeypatch.setitem(network.VARIANTS, "vits", SMALL)
    monkeypatch.setattr("models.teachers.video_depth_anything.backend.VideoDepth", lambda variant: network.VideoDepth(variant, GRID))
    path = tmp_path / "video_depth_anything_vits.pth"
    torch.save(small().state_dict(), path)
    return path


def params(checkpoint: Path, **changes: Any) -> LabelDepth:
    ours = {"backend": "video_depth_anything", "model": str(checkpoint), "map_size": 80, "input_size": 56, "window": 6, "overlap": 4}
    return LabelDepth(**(walkers()["label_depth"] | ours | changes))


def backend(checkpoint: Path, **changes: Any) -> VideoModel:
    made = build(params(checkpoint, **changes), {})
    assert isinstance(made, VideoModel)
    return made


@pytest.mark.parametrize("count", [1, 4, 6, 7, 11])
def test_a_video_becomes_maps_of_one_scale(checkpoint: Path, tmp_path: Path, count: int) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(np.random.default_rng(number), 2) for number in range(count)])
    labels = backend(checkpoint).label(path)
    found = list(labels.frames)
    assert len(found) == count
    assert {label.depth.shape for label in found} == {(45, 80)}
    assert {label.scale for label in found} == {100 / 65535}
    assert min(float(label.depth.min()) for label in found) == pytest.approx(1, rel=1e-5)
    assert all((label.objects > 0).all() for label in found)
    assert labels.ending["windows"] == 1 + max(-(-(count - 6) // 2), 0)
    assert labels.clock.seconds > 0


def test_the_first_window_is_what_the_network_says(checkpoint: Path, tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(np.random.default_rng(number), 2) for number in range(6)])
    found = [label.depth for label in backend(checkpoint, inverse=False, map_size=98, batch_size=4).label(path).frames]
    images = [np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for number in range(1, 7)]
    pixels = torch.stack([torch.from_numpy(normalised(decode_jpeg(encode_jpeg(image, 80), ""), 56)) for image in images])
    with torch.inference_mode():
        expected = small()(pixels, 6).numpy()
    assert expected.shape == (6, 56, 98)
    assert found[0].shape == (55, 98)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.corrcoef(ours[:54].ravel(), theirs[:54].ravel())[0, 1] > 0.9  # resized by a pixel's height, else the same
        assert ours.mean() == pytest.approx(theirs.mean(), rel=1e-3)


def test_two_runs_say_the_same(checkpoint: Path, tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(np.random.default_rng(number), 2) for number in range(9)])
    first, second = ([label.depth for label in backend(checkpoint).label(path).frames] for _ in range(2))
    np.testing.assert_array_equal(np.stack(first), np.stack(second))


def test_stills_are_windows_of_their_own(checkpoint: Path, tmp_path: Path) -> None:
    annotations = [scenes.people(np.random.default_rng(number), 1) for number in range(3)]
    labels = backend(checkpoint, inverse=False).label(scenes.write(tmp_path / "d/train-00000.parquet", annotations, kind="stills"))
    found = list(labels.frames)
    assert len({label.scale for label in found}) == 3
    assert labels.ending == {}


def test_every_tensor_is_reported(checkpoint: Path, tmp_path: Path) -> None:
    text = backend(checkpoint).check()[REPORT]
    names = list(small().state_dict())
    assert text.splitlines() == [f"{len(names)} of {len(names)} tensors loaded", *(f"loaded      {name}" for name in names)]

    tensors = dict(small().state_dict())
    tensors["extra.weight"] = torch.zeros(2)
    del tensors["pretrained.cls_token"]
    tensors["pretrained.norm.bias"] = torch.zeros(7)
    other = tmp_path / "other.safetensors"
    save_file(tensors, other)
    lines = backend(other, min_loaded=0.9).check()[REPORT].splitlines()
    assert lines[0] == f"{len(names) - 2} of {len(names)} tensors loaded"
    assert lines[-3:] == [
        "missing     pretrained.cls_token",
        "mismatched  pretrained.norm.bias: [32] here, [7] in the file",
        "unexpected  extra.weight",
    ]
    with pytest.raises(UserError, match="fits the network only in part"):
        backend(other).check()


def test_a_checkpoint_of_another_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "video_depth_anything_vitl.pth"
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in network.VideoDepth(network.VARIANTS["vits"]).state_dict().items()}
    torch.save({name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}, path)
    assert backend(path).check()[REPORT].startswith("351 of 351 tensors loaded")
    with pytest.raises(UserError, match="fits the network only in part"):
        backend(path, encoder="vitl").check()
    with pytest.raises(UserError, match="no such weights file"):
        backend(tmp_path / "none.pth").check()


@pytest.mark.parametrize("changes", [{"window": 33}, {"overlap": 2}])
def test_windows_that_the_network_does_not_know_are_refused(tmp_path: Path, changes: dict[str, int]) -> None:
    with pytest.raises(UserError, match="window of at most 32 and an overlap above 2"):
        build(params(tmp_path, **changes), {})
