"""Regions and QDTrack: RoIAlign and suppression beside onnxruntime, its tracker beside the released one, a step and a tracked frame.

The training step and the tracked frame stand beside the bare network. Association is timed for several numbers of detections; embeddings
have 256 dimensions, as the paper's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.harness import Growth, Timed, Work, compare, grow
from benchmarks.scenes import crowd
from models.qdtrack.decode import decode
from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.loss import QdtrackTask
from models.qdtrack.network import QdtrackOutputs, build_network
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.targets import make_targets, trim
from models.qdtrack.tracker import QdtrackTracker
from models.regions.align import align
from models.regions.nms import nms
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame, to_float
from pipeline.runtime.malloc import keep_freed_memory

WIDTH, HEIGHT, STRIDES = 448, 256, (4, 8, 16, 32)
REGIONS, CHANNELS, BOXES, OVERLAP = 300, 64, 1000, 0.5
# Released QDTrack: seconds per frame of its tracker with 256 dimensions, by number of objects, measured on a similar core.
RELEASED = {20: 1.7e-3, 60: 4.4e-3, 100: 7.3e-3}
FRAMES, DIMENSIONS, SIZES = 100, 256, (20, 60, 100, 300)
PAIRS, PEOPLE = 4, 7
EMBEDDED = 36  # regions of such a pair that the embedding head sees, before anything is learnt


def measure() -> Iterator[Timed | Growth]:
    """A line for each part, then a whole training step and a tracked frame, then growth."""
    torch.set_num_threads(1)
    keep_freed_memory()  # as a training process does
    yield aligning()
    yield suppressing()
    for people, released in RELEASED.items():
        seen = detections(people)
        timed = compare(f"association by bi-softmax, {people} objects", "frame", FRAMES, tracking(seen), clock=time.process_time)
        yield Timed(timed.what, timed.unit, timed.ours, {"QDTrack, released (stated)": released}, None, 20.0, timed.spread)
    yield training()
    yield looking()
    yield grow("association by bi-softmax", "objects", SIZES, lambda people: tracking(detections(people)))


def aligning() -> Timed:
    """RoIAlign of 300 regions from one image's four levels, as tracking reads them; the peer gets all from the finest level's map."""
    maps, boxes = pyramid(), some_boxes(REGIONS)
    images = torch.zeros(REGIONS, dtype=torch.int64)
    peer = runtime(roi_align_model(), {"map": maps[0].contiguous().numpy(), "boxes": boxes.numpy(), "images": images.numpy()})

    def ours() -> object:
        with torch.inference_mode():
            return align(maps, STRIDES, boxes, images)

    what = f"RoIAlign, {REGIONS} regions x {CHANNELS} channels"
    return compare(what, "frame", 1, ours, {"onnxruntime": peer}, aim=3.0, rounds=21, clock=time.process_time)


def suppressing() -> Timed:
    """Non-maximum suppression of 1,000 boxes of one class."""
    boxes, scores = some_boxes(BOXES), torch.rand(BOXES)
    groups = torch.zeros(BOXES, dtype=torch.int64)
    peer = runtime(nms_model(), {"boxes": boxes[None].numpy(), "scores": scores[None, None].numpy()})
    what = f"suppression, {BOXES} boxes"
    ours = lambda: nms(boxes, scores, groups, OVERLAP)  # noqa: E731
    return compare(what, "image", 1, ours, {"onnxruntime": peer}, aim=0.5, rounds=21, clock=time.process_time)


def training() -> Timed:
    """A step of four pairs beside the bare network.

    The bare network makes the same forward and backward pass over the same images and as many regions, which are given to it.
    """
    task, batch = small_task(), pairs()
    images = torch.arange(2 * PAIRS)
    detected = [some_boxes(2 * PAIRS * 128), images.repeat_interleave(128)]
    embedded = [some_boxes(PAIRS * EMBEDDED), images.repeat_interleave(EMBEDDED // 2)]

    def step() -> None:
        task.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            losses = task(batch)
        losses.total.backward()

    def bare() -> None:
        task.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = task.network(to_float(batch.images.flatten(0, 1)))
            features = task.network.read(outputs, *(torch.cat(parts) for parts in zip(detected, embedded, strict=True)))
            first, second = features.split([len(detected[0]), len(embedded[0])])
            found = [outputs.objectness, outputs.deltas, *task.network.box_head(first), task.network.embedding_head(second)]
        torch.stack([x.float().mean() for x in found]).sum().backward()

    what = f"QDTrack's step, {PAIRS} pairs of {WIDTH}x{HEIGHT}"
    return compare(what, "step", 1, step, limit=bare, rounds=5, clock=time.process_time)


def looking() -> Timed:
    """A tracked frame: network, detections, association; beside the bare network, its heads at as many regions included."""
    task, images = small_task(), to_float(pairs().images[0, :1])
    network, options = task.network.eval(), task.options
    tracker = QdtrackTracker(options.tracker)
    proposals, found = some_boxes(options.tracker.proposals), some_boxes(options.tracker.detections)
    first, second = torch.zeros(len(proposals), dtype=torch.int64), torch.zeros(len(found), dtype=torch.int64)

    def seen() -> QdtrackOutputs:
        outputs: QdtrackOutputs = network(images)
        return outputs

    def bare() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            outputs = seen()
            network.boxes_at(outputs, proposals, first)
            network.embeddings_at(outputs, found, second)

    def whole() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            outputs = seen()
        with torch.inference_mode():
            tracker.update(decode(network, outputs, options)[0])

    what = f"QDTrack, a tracked frame of {WIDTH}x{HEIGHT}"
    return compare(what, "frame", 1, whole, limit=bare, rounds=11, clock=time.process_time)


def light_options() -> QdtrackOptions:
    """A network for CPUs: 3.6 million parameters."""
    network = {
        "backbone": "resnet_fpn", "width": 32, "frozen_norms": False, "classes": 1, "pyramid": 64, "stride64": False,
        "anchor_scale": 8.0, "anchor_ratios": [1.0, 2.0, 3.0], "region_size": 7, "region_sampling": 2, "finest": 56.0, "box_width": 256,
        "embedding_convolutions": 4, "embedding_hidden": 64, "embedding_width": 256, "embedding": 256, "mask_head": False,
        "mask_hidden": 64, "clip_boxes": False, "max_objects": 64,
    }  # fmt: skip
    loss = {
        "reid": "quasi_dense", "matching": "dense", "equation": 5, "auxiliary": True, "auxiliary_margin": 0.1, "auxiliary_negatives": 3.0,
        "negatives": "iou_balanced", "key_regions": 128, "reference_regions": 256, "reference_negatives": 3.0, "region_positive": 0.7,
        "region_negative": 0.3, "embed_weight": 0.25, "auxiliary_weight": 1.0, "reference_detection": True, "anchor_samples": 256,
        "anchor_positive": 0.7, "anchor_negative": 0.3, "level_limit": 600, "reference_level_limit": 600, "proposals": 300,
        "proposal_overlap": 0.7, "box_samples": 128, "box_positive": 0.5, "class_weight": 1.0, "box_weight": 1.0, "mask_weight": 1.0,
        "ignore_overlap": 0.5,
    }  # fmt: skip
    tracker = {
        "level_limit": 300, "proposals": 300, "min_score": 0.05, "nms": 0.5, "detections": 100, "mode": "paper",
        "similarity": "bisoftmax", "least_cosine": -1.0, "cues": ["appearance"], "init_score": 0.8, "object_score": 0.5,
        "match_score": 0.5, "drop_score": 0.5, "memory_frames": 30, "backdrop_frames": 1, "backdrop_overlap": 0.3,
        "duplicate_removal": True, "duplicate_sure": 0.7, "duplicate_unsure": 0.3, "embedding_update": 0.8,
    }  # fmt: skip
    return QdtrackOptions.model_validate({"network": network, "loss": loss, "tracker": tracker})


def small_task() -> QdtrackTask:
    """The light network with its losses, random weights."""
    torch.manual_seed(0)
    options = light_options()
    task: QdtrackTask = QdtrackTask(build_network(options), options, 1.0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return task


def pairs() -> Batch:
    """Pairs of noise with seven people each, who move a little."""
    random = np.random.default_rng(0)
    clips = []
    for _ in range(PAIRS):
        corners = random.uniform([0, 0], [WIDTH - 40, HEIGHT - 100], (PEOPLE, 2))
        boxes = np.concatenate([corners, corners + random.uniform([20, 50], [40, 100], (PEOPLE, 2))], axis=1).astype(np.float32)
        frames = []
        for shift in (0, 3):
            image = random.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
            frames.append(TrainingFrame(image, boxes + np.float32(shift), np.arange(PEOPLE), np.zeros(PEOPLE, np.bool_)))
        clips.append(TrainingClip(tuple(frames), video=True))
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    made = [make_targets(clip, light_options()) for clip in clips]
    targets = {name: torch.from_numpy(np.stack([m[name] for m in made])) for name in made[0]}
    return Batch(images, trim(targets), torch.ones(PAIRS, dtype=torch.bool))


def detections(people: int) -> list[QdtrackDetections]:
    """A crowd, whose embeddings are as long as trained ones."""
    nothing = np.zeros((0, 4), np.float32)
    found = []
    for item in crowd(people, FRAMES, dimensions=DIMENSIONS):
        masks = np.zeros((len(item.scores), 0, 0), np.float32)
        order = np.argsort(-item.scores)
        looks = (4 * item.embeddings[order]).astype(np.float32)
        found.append(QdtrackDetections(item.boxes[order], item.scores[order], looks, nothing, nothing, masks))
    return found


def tracking(seen: list[QdtrackDetections]) -> Work:
    """Work that takes a fresh tracker through all frames."""
    options = light_options().tracker

    def work() -> None:
        tracker = QdtrackTracker(options)
        for item in seen:
            tracker.update(item)

    return work


def pyramid() -> list[Tensor]:
    """One image's maps, channels-last as the network gives them."""
    torch.manual_seed(0)
    maps = [torch.randn(1, CHANNELS, HEIGHT // stride, WIDTH // stride) for stride in STRIDES]
    return [each.contiguous(memory_format=torch.channels_last) for each in maps]


def some_boxes(count: int) -> Tensor:
    """Boxes of people's sizes, that overlap here and there."""
    torch.manual_seed(1)
    centres, sides = torch.rand(count, 2) * torch.tensor([WIDTH, HEIGHT]), torch.rand(count, 2) * torch.tensor([50.0, 90.0]) + 10
    return torch.cat([centres - sides / 2, centres + sides / 2], 1)


def runtime(model: bytes, inputs: dict[str, NDArray[Any]]) -> Work:
    """A call of onnxruntime on one thread."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


def roi_align_model() -> bytes:
    """An ONNX model of opset 16's RoiAlign: 7x7 cells of 2x2 samples, with ours' shift of half a pixel."""
    from onnx import TensorProto, helper

    attributes = {"output_height": 7, "output_width": 7, "sampling_ratio": 2, "spatial_scale": 1 / STRIDES[0]}
    node = helper.make_node("RoiAlign", ["map", "boxes", "images"], ["out"], coordinate_transformation_mode="half_pixel", **attributes)
    inputs = [
        ("map", TensorProto.FLOAT, [1, CHANNELS, None, None]),
        ("boxes", TensorProto.FLOAT, [None, 4]),
        ("images", TensorProto.INT64, [None]),
    ]
    return _model(node, inputs, TensorProto.FLOAT)


def nms_model() -> bytes:
    """An ONNX model of NonMaxSuppression, which is the same since opset 11."""
    from onnx import TensorProto, helper

    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap"], ["out"])
    limits = [helper.make_tensor("most", TensorProto.INT64, [1], [BOXES]), helper.make_tensor("overlap", TensorProto.FLOAT, [1], [OVERLAP])]
    inputs = [("boxes", TensorProto.FLOAT, [1, None, 4]), ("scores", TensorProto.FLOAT, [1, 1, None])]
    return _model(node, inputs, TensorProto.INT64, limits)


def _model(node: Any, inputs: Sequence[tuple[str, int, Any]], result: int, constants: Any = ()) -> bytes:
    from onnx import helper

    given = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    graph = helper.make_graph([node], "peer", given, [helper.make_tensor_value_info("out", result, None)], list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    serialised: bytes = model.SerializeToString()
    return serialised
