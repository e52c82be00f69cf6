from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from models.teachers import build
from models.teachers.transformers import DepthModel, forward, loaded, prepare
from pipeline.errors import UserError
from pipeline.files.frames import Frame, FrameWriter, encode_jpeg
from pipeline.labelling.backend import object_depths
from pipeline.labelling.sequences import FARTHEST, invert
from pipeline.labelling.windows import Plan
from pipeline.params.sections.data import LabelDepth
from tests.parameters import walkers
from tests.pipeline.labelling import scenes
from tests.pipeline.labelling.scenes import HEIGHT, WIDTH

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Depth Anything of a few thousand weights, random, with its image processor, in a folder."""
    import torch
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        patch_size=14,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        head_hidden_size=8,
    )
    folder = tmp_path_factory.mktemp("teacher")
    network = DepthAnythingForDepthEstimation(config)
    for weights in (*network.neck.parameters(), *network.head.parameters()):
        torch.nn.init.normal_(weights, std=0.2)  # the usual 0.02 says nearly the same everywhere
    torch.nn.init.constant_(network.head.conv3.bias, 2.0)
    network.save_pretrained(folder)
    size = {"height": 56, "width": 56}
    DPTImageProcessorPil(do_resize=True, size=size, keep_aspect_ratio=True, ensure_multiple_of=14).save_pretrained(folder)
    return str(folder)


def backend(model: str, **changes: Any) -> DepthModel:
    plan = Plan(window=4, overlap=2)
    return DepthModel(**({"model": model, "size": 80, "batch_size": 3, "inverse": True, "plan": plan, "decode_ahead": 2} | changes))


def predict(model: str, images: list[np.ndarray]) -> np.ndarray:
    processor, network, _ = loaded(model, 3)
    return forward(network, prepare(processor, images))


def images(count: int) -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8) for seed in range(count)]


def test_a_batch_says_what_single_images_say(model: str) -> None:
    together = predict(model, images(3))
    for image, expected in zip(images(3), together, strict=True):
        np.testing.assert_allclose(predict(model, [image])[0], expected, rtol=1e-3, atol=1e-4)
        assert np.ptp(expected) > 0.01


def test_a_video_becomes_maps_of_one_scale(model: str, tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(np.random.default_rng(number), 2) for number in range(7)])
    labels = backend(model).label(path)
    found = list(labels.frames)
    assert len(found) == 7
    assert labels.ending["windows"] == 3  # frames 1-4, 3-6, 5-7
    assert labels.ending["scale"] > 0
    assert labels.clock.seconds > 0
    assert {label.depth.shape for label in found} == {(45, 80)}
    assert {label.scale for label in found} == {FARTHEST / 65535}
    nearest = min(float(label.depth.min()) for label in found)
    assert nearest == pytest.approx(1.0)
    for label in found:
        assert label.depth.dtype == np.float32
        assert np.isfinite(label.depth).all()
        assert label.objects.shape == (2,)
        assert (label.objects > 0).all()


def test_a_full_memory_halves_the_passes_and_changes_no_map(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scenes.write(tmp_path / "d/s.parquet", [scenes.people(np.random.default_rng(number), 2) for number in range(7)])
    whole = list(backend(model, batch_size=5).label(path).frames)
    seen: list[int] = []

    def small(network: Any, pixels: Any) -> np.ndarray:
        seen.append(len(pixels))
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(network, pixels)

    monkeypatch.setattr("models.teachers.transformers.forward", small)
    labels = backend(model, batch_size=4).label(path)
    for one, other in zip(whole, labels.frames, strict=True):
        np.testing.assert_allclose(one.depth, other.depth, rtol=1e-3, atol=1e-3)
    assert seen == [4, 2, 2, 2, 1]  # batches of four and three frames
    assert labels.clock.batch == 2


def test_a_flickering_teacher_becomes_steady(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One scene, seen by a teacher whose scale and shift jump from frame to frame: after alignment its depth stands still."""
    still = scenes.people(np.random.default_rng(0), 2)
    path = scenes.write(tmp_path / "d/s.parquet", [still] * 12)
    rng, scene = np.random.default_rng(1), cv2.GaussianBlur(np.random.default_rng(2).uniform(1, 9, (45, 80)).astype(np.float32), (0, 0), 3)

    def flickering(network: Any, pixels: Any) -> np.ndarray:
        return np.stack([rng.uniform(0.6, 1.6) * scene + rng.uniform(0, 2) for _ in pixels]).astype(np.float32)

    monkeypatch.setattr("models.teachers.transformers.forward", flickering)
    found = np.stack([label.depth for label in backend(model).label(path).frames])
    assert np.abs(found / found[0] - 1).max() < 0.01


def test_frames_of_another_size_are_refused(model: str, tmp_path: Path) -> None:
    path = tmp_path / "d/s.parquet"
    path.parent.mkdir()
    with FrameWriter(path, {"dataset": "d", "sequence": "s", "kind": "video", "frame_rate": None, "source": "gt"}) as writer:
        for number, side in enumerate((64, 64, 96), 1):
            image = encode_jpeg(np.zeros((side, 64, 3), np.uint8), 80)
            writer.write(Frame("d", "s", number, 0.1 * number, 64, side, image))
    with pytest.raises(UserError, match="frame 3 is 64x96, those before are 64x64"):
        list(backend(model).label(path).frames)


def test_stills_have_a_scale_each_and_metric_models_are_not_inverted(model: str, tmp_path: Path) -> None:
    path = scenes.write(
        tmp_path / "d/train-00000.parquet", [scenes.people(np.random.default_rng(number), 1) for number in range(3)], kind="stills"
    )
    found = list(backend(model, inverse=False).label(path).frames)
    assert len({label.scale for label in found}) == 3
    for label in found:
        assert label.depth.max() == pytest.approx(label.scale * 65535, rel=1e-5)


def test_inversion_grows_with_distance_and_is_bounded() -> None:
    depth = invert(np.array([4, 2, 1, 0, -3], np.float32), 4.0)
    np.testing.assert_allclose(depth, [1, 2, 4, FARTHEST, FARTHEST], rtol=1e-6)


def params(**changes: Any) -> LabelDepth:
    return LabelDepth(**(walkers()["label_depth"] | {"backend": "transformers", "model": ""} | changes))


def test_what_cannot_work_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"label_depth.model: empty"):
        build(params(), {})
    with pytest.raises(UserError, match="cannot be loaded"):
        predict(str(tmp_path / "nowhere"), images(1))
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "transformers":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="transformers is not installed"):
        build(params(model="some/model"), {})


def test_object_depths_take_the_middle_and_leave_out_unknown() -> None:
    depth = np.zeros((10, 10), np.float32)
    depth[:, 5:] = 8
    boxes = np.array([[50, 0, 100, 100], [0, 0, 40, 100], [20, 20, 90, 80], [200, 200, 300, 300]], np.float32)
    assert object_depths(depth, boxes, 100, 100).tolist() == [8, 0, 8, 0]
