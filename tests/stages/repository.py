"""A repository after `finetune`, in miniature: two tracked sequences of red rectangles, depth, and OUTrack with random weights."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import BaseModel

from models import load as load_spec
from models import options as load_options
from pipeline.artifacts.publication import Publication
from pipeline.files import depth_codec, schema
from pipeline.files import model_folder as weights
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.files.model_folder import ModelCard
from pipeline.files.splits import Ranges, write_split
from tests.mlflow_store import new_store
from tests.parameters import walkers, write_params
from tests.pipeline.seen import picture

WIDTH, HEIGHT, FRAMES, FIRST = 128, 96, 12, 7
NETWORK = {"width": 8, "head_width": 8, "embedding": 8, "depth_bins": 4}


class Repository:
    """Published folders under `root`, and the parameter file to run stages with."""

    def __init__(self, root: Path, **track: Any) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root, self.params = root, root / "params.yaml"
        self.artifacts = root / "artifacts"
        raw = walkers()
        raw["model"]["network"] |= NETWORK
        raw["model"]["tracker"] |= {"detection_threshold": 0.0, "top_k": 5, "min_area": 0.0, "max_aspect": 100.0}
        raw["mlflow"]["system_metrics"] = False
        raw["track"] |= {"batch_size": 4, **track}
        raw["report"] |= {"clips": 2, "clip_seconds": 0.4, "clip_width": 64}
        write_params(self.params, raw)
        new_store(root)
        self._frames()
        self._depth()
        self._samples()
        for stage in ("pretrain", "finetune"):
            model_folder(self.artifacts / stage, stage)

    def _frames(self) -> None:
        publication = Publication(self.root / "data" / "frames", "extract_frames", "f")
        for name in ("seq-1", "seq-2"):
            facts = {"dataset": "walkers", "sequence": name, "kind": "video", "frame_rate": 10.0, "width": WIDTH, "height": HEIGHT}
            facts |= {"ground_truth": True, "detections": name == "seq-1"}
            with publication.write(f"walkers/{name}.parquet") as path, FrameWriter(path, facts) as writer:
                for number in range(1, FRAMES + 1):
                    writer.write(frame(name, number))
        publication.publish()

    def _depth(self) -> None:
        publication = Publication(self.root / "data" / "depth", "label_depth", "d")
        png, scale = depth_codec.encode(np.tile(np.linspace(30, 3, 24, dtype=np.float32)[:, None], (1, 32)))
        for name in ("seq-1", "seq-2"):
            row = {"dataset": "walkers", "sequence": name, "depth": png, "scale": scale, "object_depths": [5.0]}
            rows = [row | {"frame": number} for number in range(1, FRAMES + 1)]
            with publication.write(f"walkers/{name}.parquet") as path:
                pq.write_table(pa.Table.from_pylist(rows, schema=schema.stamp(schema.DEPTHS)), path)
        publication.publish()

    def _samples(self) -> None:
        publication = Publication(self.root / "data" / "samples", "pack_samples", "s")
        ranges = Ranges((1, FIRST - 1), (FIRST, FRAMES))
        with publication.write("split.json") as path:
            write_split(path, {"walkers": {"seq-1": ranges, "seq-2": ranges}})
        publication.publish()


def frame(sequence: str, number: int) -> Frame:
    """A person who walks to the right."""
    box = (8 * number, 20, 8 * number + 20, 80)
    count = np.ones(1, np.float32)
    objects = Objects(np.array([box], np.float32), np.array([1]), np.array([1], np.int32), count, count, np.zeros(1, np.bool_))
    image = encode_jpeg(picture(WIDTH, HEIGHT, box), 90)
    return Frame("walkers", sequence, number, number / 10, WIDTH, HEIGHT, image, objects, objects.boxes, count)


def small_options(system: str = "outrack", **loss: Any) -> BaseModel:
    """Options of a network of a few thousand weights, of a detector of centre points; keywords change its loss."""
    raw, kind = walkers()["model"], load_options(system)
    raw["network"] |= NETWORK
    raw["loss"] |= loss
    known = {section: kind.model_fields[section].annotation.model_fields for section in ("network", "loss", "tracker")}
    return kind.model_validate({section: {key: raw[section][key] for key in raw[section] if key in known[section]} for section in known})


def model_folder(folder: Path, stage: str = "finetune", system: str = "outrack", **loss: Any) -> Path:
    """Publish a random model of a system with a history of three epochs; keywords change its loss."""
    options = small_options(system, **loss)
    torch.manual_seed(1)
    network = load_spec(system).build_network(options)
    with torch.no_grad():
        network.heads.last["size"].bias.fill_(3.0)  # boxes of 24 pixels, so that there is something to write
        network.heads.last["occlusion"].bias.fill_(-2.0)  # and occlusion centres that are kept
    publication = Publication(folder, stage, "m")
    with publication.write(weights.WEIGHTS) as path:
        weights.save(network, path)
    with publication.write(weights.CARD) as path:
        ModelCard(system, options.model_dump(), 128, 96, "m").write(path)
    with publication.write("history.csv") as path:
        lines = [f"{epoch},{epoch * 10},0.001,{math.exp(-epoch)},{1 / epoch},{2 / epoch}" for epoch in range(1, 4)]
        path.write_text("\n".join(["epoch,step,lr,loss,detection,reid", *lines]) + "\n")
    publication.publish()
    return folder


def metrics() -> dict[str, Any]:
    """What evaluate writes."""
    counts = {"IDSW": 3, "FP": 1234, "FN": 56, "MT": 7, "ML": 1, "Frag": 9}
    scores = {"HOTA": 61.5, "DetA": 60.0, "AssA": 63.25, "MOTA": 77.0, "MOTP": 80.0, "IDF1": 79.0, **counts}
    part = {"total": 1.0, "prepare": 0.2, "network": 0.7, "association": 0.1}
    speed = {"frames_per_second": 25.5, "frames": 6, "seconds": part}
    return {
        "benchmark": "MOT17",
        "combined": scores,
        "sequences": {"seq-1": scores, "seq-2": scores | {"HOTA": 40.0}},
        "reid": {"R1": 91.0, "mAP": 72.0, "queries": 100},
        "detection": {"AP50": 83.0, "recall": 88.0},
        "speed": speed | {"sequences": {"seq-1": speed, "seq-2": speed}},
    }


def write_metrics(repository: Repository) -> None:
    """Publish what evaluate would."""
    publication = Publication(repository.artifacts / "evaluate", "evaluate", "e")
    with publication.write("metrics.json") as path:
        path.write_text(json.dumps(metrics()))
    publication.publish()
