"""Letterbox, batches, order and the way back to picture pixels."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import load
from pipeline.contract.detections import Detections, NotFiniteError
from pipeline.errors import UserError
from pipeline.tracking.detector import Picture, Stopwatch, detect, letterbox, load_detector, track
from pipeline.tracking.external_boxes import Given
from tests.pipeline import seen
from tests.stages.repository import model_folder, small_options

BOX = (20, 10, 60, 90)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (333, 777), (64, 64), (50, 31)])
def test_letterbox_and_back_is_exact(width: int, height: int) -> None:
    _, box = letterbox(np.zeros((height, width, 3), np.uint8), 448, 256)
    boxes = np.random.default_rng(0).uniform(-50, 2000, (20, 4)).astype(np.float32)
    back = Detections(box.to_input(boxes), np.ones(20, np.float32), np.zeros((20, 0), np.float32)).moved(*box)
    np.testing.assert_allclose(back.boxes, boxes, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (768, 576), (301, 499), (120, 100)])
def test_letterbox_moves_pixels_as_it_moves_boxes(width: int, height: int) -> None:
    """A red rectangle is found, in the input, where the box map says it lies."""
    drawn = (width // 4, height // 4, width * 3 // 4, height * 3 // 4)
    canvas, box = letterbox(seen.picture(width, height, drawn), 416, 224)
    found = next(detect([Picture(1, seen.picture(width, height, drawn))], seen.detector(416, 224), 1, Stopwatch())).detections
    assert canvas.shape == (224, 416, 3)
    np.testing.assert_allclose(found.boxes[0], drawn, atol=1.01 / min(box.scale, 1))


def test_letterbox_without_scaling_keeps_every_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 416, 3), np.uint8)
    canvas, box = letterbox(image, 416, 224)
    assert box == (1.0, 0.0, 12.0)
    np.testing.assert_array_equal(canvas[12:212], image)
    assert (canvas[:12] == 127).all()
    assert (canvas[212:] == 127).all()


def test_detect_keeps_order_over_ragged_batches() -> None:
    pictures = [Picture(n, seen.picture(128, 96, (n, 10, n + 20, 50))) for n in range(1, 12)]
    found = list(detect(pictures, seen.detector(128, 96), 4, Stopwatch()))
    assert [item.picture.frame for item in found] == list(range(1, 12))
    assert [item.detections.boxes[0, 0] for item in found] == list(range(1, 12))


def test_embeddings_are_read_at_the_pictures_own_boxes() -> None:
    boxes = np.array([BOX, (100, 10, 120, 90)], np.float32)
    found = next(detect([Picture(1, seen.picture(256, 192, BOX), boxes)], seen.detector(128, 96), 2, Stopwatch()))
    np.testing.assert_allclose(found.embeddings, [[1, 0], [0, 1]], atol=0.01)


def test_given_boxes_replace_the_networks_own_to_the_last_bit() -> None:
    """The red rectangle is not detected; what the network says at the given boxes is read there."""
    boxes = np.array([BOX, (100.1, 10.3, 120.7, 90.9)], np.float32)
    given = Given(boxes, np.array([0.9, 0.02], np.float32))
    pictures = [Picture(number, seen.picture(256, 192, BOX), given=given) for number in (1, 2, 3)]
    for found in detect(pictures, seen.detector(120, 96), 2, Stopwatch()):
        np.testing.assert_array_equal(found.detections.boxes, boxes, strict=True)
        assert found.detections.scores.tolist() == given.scores.tolist()
        np.testing.assert_allclose(found.detections.embeddings, [[1, 0], [0, 1]], atol=0.01)
    trackers: list[seen.CountingTracker] = []
    tracked = list(track(pictures, seen.detector(120, 96, trackers), 2, 10.0, Stopwatch()))
    assert trackers[0].calls == [(1, None)] * 3, "no tracker sees a score below LEAST_SCORE"
    np.testing.assert_array_equal(tracked[0].tracks.boxes, boxes[:1])


def test_absent_frames_advance_the_tracker_without_output() -> None:
    trackers: list[seen.CountingTracker] = []
    public = np.zeros((3, 4), np.float32)
    pictures = [Picture(n, seen.picture(128, 96, BOX), public=public) for n in (7, 8, 11)]
    found = list(track(pictures, seen.detector(128, 96, trackers), 2, 10.0, Stopwatch()))
    assert [item.picture.frame for item in found] == [7, 8, 11]
    assert trackers[0].calls == [(1, 3), (1, 3), (0, 0), (0, 0), (1, 3)]


def test_private_detections_pass_no_public_boxes() -> None:
    trackers: list[seen.CountingTracker] = []
    list(track([Picture(1, seen.picture(64, 64))], seen.detector(64, 64, trackers), 2, 10.0, Stopwatch()))
    assert trackers[0].calls == [(0, None)]


def test_a_network_that_looks_back_sees_one_picture_after_the_other() -> None:
    """Each forward gets the frame before and its detections; the first of a sequence gets none, and a gap changes nothing."""
    given: list[tuple[int, float | None]] = []

    class Back(seen.RedNetwork):
        def forward(self, images: torch.Tensor, memory: torch.Tensor | None = None) -> seen.Output:
            given.append((len(images), None if memory is None else memory.item()))
            return super().forward(images)

    def remember(image: torch.Tensor, detections: Detections) -> torch.Tensor:
        assert image.shape == (1, 3, 64, 64)
        return torch.full((1, 1, 1, 1), float(detections.boxes[0, 0]))

    plain = seen.spec()
    spec = replace(plain, detection=replace(plain.detection, remember=lambda _: remember))
    detector = replace(seen.detector(64, 64), spec=spec, network=Back())
    pictures = [Picture(number, seen.picture(128, 128, (20 * number, 10, 20 * number + 20, 40))) for number in (1, 2, 4)]
    found = [item.detections.boxes[0, 0] for item in detect(pictures, detector, 8, Stopwatch())]
    assert found == pytest.approx([20, 40, 80])
    assert given == [(1, None), (1, 10.0), (1, 20.0)]  # in network input pixels
    list(detect(pictures[:1], detector, 8, Stopwatch()))
    assert given[3:] == [(1, None)]


def test_pictures_are_prepared_and_looked_at_ahead_in_a_thread_each() -> None:
    threads: dict[str, set[str]] = {"prepare": set(), "network": set()}
    looked: list[int] = []

    class Network(seen.RedNetwork):
        def forward(self, images: torch.Tensor) -> seen.Output:
            threads["network"].add(threading.current_thread().name)
            looked.append(len(images))
            return super().forward(images)

    def pictures() -> Iterator[Picture]:
        for number in range(1, 6):
            threads["prepare"].add(threading.current_thread().name)
            yield Picture(number, seen.picture(64, 64))

    watch = Stopwatch()
    found = detect(pictures(), replace(seen.detector(64, 64), network=Network()), 1, watch)
    assert next(found).picture.frame == 1
    deadline = time.monotonic() + 10
    while len(looked) < 2 and time.monotonic() < deadline:  # the second, while the first is still in hand
        time.sleep(0.01)
    assert len(looked) == 2
    assert [item.picture.frame for item in found] == [2, 3, 4, 5]
    assert all(name.startswith(part) and len(names) == 1 for part, names in threads.items() for name in names)
    assert watch.seconds["prepare"] > 0 < watch.seconds["network"]


def test_an_error_of_the_network_reaches_the_caller_after_what_was_seen() -> None:
    class Failing(seen.RedNetwork):
        def forward(self, images: torch.Tensor) -> seen.Output:
            if images[0, 0].max() < 0.5:
                raise RuntimeError("no red at all")
            return super().forward(images)

    pictures = [Picture(1, seen.picture(64, 64, (10, 10, 30, 30))), Picture(2, np.zeros((64, 64, 3), np.uint8))]
    found = detect(pictures, replace(seen.detector(64, 64), network=Failing()), 1, Stopwatch())
    assert next(found).picture.frame == 1
    with pytest.raises(RuntimeError, match="no red"):
        next(found)


def test_what_is_not_finite_names_the_frame() -> None:
    def diverged(network: torch.nn.Module, outputs: seen.Output, options: seen.Options) -> list[Detections]:
        if outputs.red.any():
            raise NotFiniteError(0, "scores")
        return seen.decode(network, outputs, options)

    detector = seen.detector(64, 64)
    broken = replace(detector, spec=replace(detector.spec, detection=replace(detector.spec.detection, decode=diverged)))
    pictures = [Picture(4, seen.picture(64, 64)), Picture(7, seen.picture(64, 64, (10, 10, 30, 30)))]
    with pytest.raises(UserError, match=r"frame 7: scores are NaN or infinite: the network has diverged\nnext: "):
        list(detect(pictures, broken, 2, Stopwatch()))


def test_whoever_stops_asking_ends_the_threads() -> None:
    before = threading.active_count()
    found = detect((Picture(number, seen.picture(64, 64)) for number in range(1, 1000)), seen.detector(64, 64), 1, Stopwatch())
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_error_while_reading_reaches_the_caller() -> None:
    def pictures() -> Iterator[Picture]:
        yield Picture(1, seen.picture(64, 64))
        raise ValueError("broken picture")

    with pytest.raises(ValueError, match="broken picture"):
        list(detect(pictures(), seen.detector(64, 64), 1, Stopwatch()))


def test_bfloat16_says_nearly_the_same(tmp_path: Path) -> None:
    folder, canvas = model_folder(tmp_path / "model"), np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), np.uint8)
    exact, rough = (
        load_detector(load("outrack"), small_options(), folder, precision).outputs(list(canvas)) for precision in ("float32", "bfloat16")
    )
    for name in ("heatmap", "size", "offset", "embedding", "occlusion", "occlusion_offset"):
        values, precise = getattr(rough, name), getattr(exact, name)
        assert (values.dtype, precise.dtype) == (torch.bfloat16, torch.float32)
        assert 0 < (values - precise).norm() < 0.02 * precise.norm(), name


def test_auto_is_bfloat16_where_the_processor_multiplies_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_folder(tmp_path / "model")
    for native, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        assert load_detector(load("outrack"), small_options(), folder).precision == expected


@pytest.mark.gpu
def test_gpu_agrees_with_cpu(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    folder = model_folder(tmp_path / "model")
    spec, options = load("outrack"), small_options()
    on_gpu = load_detector(spec, options, folder)
    assert on_gpu.device.type == "cuda"
    canvas = np.random.default_rng(0).integers(0, 256, (on_gpu.height, on_gpu.width, 3), np.uint8)
    gpu = on_gpu.outputs([canvas])
    cpu = on_gpu.network.cpu()(torch.from_numpy(canvas[None]).permute(0, 3, 1, 2) / 255)
    torch.testing.assert_close(gpu.heatmap.cpu().float(), cpu.heatmap, atol=0.05, rtol=0.05)
