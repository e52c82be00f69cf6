"""A repository with one sequence of any length: small frames, a cheap scene with ground truth, and networks of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml

from models import load as load_spec
from models import options as load_options
from pipeline.artifacts.code import ROOT
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.store import write_text
from pipeline.files import model_folder
from pipeline.files.model_folder import ModelCard
from pipeline.params.yaml_file import read_yaml

WIDTH, HEIGHT, RATE = 96, 64, 30
WALK = 64  # frames in which people walk from one edge to the other and back; then the next people come
PEOPLE, ANNOTATED = 2, 4  # people per walk; every fourth walk is annotated, since retrieval compares each box with every other
INPUT = 64  # pixels of the network's input either way
SETTINGS: dict[str, dict[str, Any]] = {
    "base": {"data_root": "in"},
    "mlflow": {"system_metrics": False},
    "render_walkers": {"sequences": 0, "stills_train": 0, "stills_val": 0},
    "pack_samples": {"width": INPUT, "height": INPUT, "stills": [], "videos": ["long"]},
    "track": {"frames": "all", "detections": "ground_truth", "batch_size": 16},
    "report": {"clips": 1, "clip_seconds": 1.0, "clip_width": WIDTH},
}
NETWORK = {"width": 8, "head_width": 8, "embedding": 8, "depth_bins": 4}


def build(root: Path, frames: int) -> Path:
    """Write the video, its ground truth, the parameter file and two models; returns the parameter file."""
    film(root / "in" / "long" / "video", frames)
    raw = read_yaml(ROOT / "presets" / "walkers.yaml", missing="")
    for section, values in SETTINGS.items():
        raw[section] |= values
    raw["extract_frames"]["sources"] = [
        {"name": "long", "kind": "mot_challenge", "root": "{data_root}/long", "sequences": None, "images_per_file": 64}
    ]
    raw["model"]["network"] |= NETWORK
    for stage in ("pretrain", "finetune"):
        _model(root / "artifacts" / stage, stage, raw["model"])
    path = root / "params.yaml"
    write_text(path, yaml.safe_dump(raw, sort_keys=False))
    return path


def film(folder: Path, frames: int) -> None:
    """Write the sequence: its video and its ground truth."""
    (folder / "gt").mkdir(parents=True)
    _record(folder / "video.mp4", frames)
    write_text(folder / "gt" / "gt.txt", "".join(_truth(frame) for frame in range(1, frames + 1)))


def _places(frame: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each person."""
    phase = (frame - 1) % WALK
    step = phase if phase < WALK // 2 else WALK - phase
    return [(4 + 2 * step, 10 + 8 * person, 12, 34) for person in range(PEOPLE)]


def _truth(frame: int) -> str:
    walk = (frame - 1) // WALK
    if walk % ANNOTATED:
        return ""
    first = walk * PEOPLE + 1
    return "".join(f"{frame},{first + person},{','.join(map(str, box))},1,1,1\n" for person, box in enumerate(_places(frame)))


def _record(path: Path, frames: int) -> None:
    """An MPEG-4 file: its encoder is the quickest."""
    empty = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    empty[::8] = 140
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(1, frames + 1):
            image = empty.copy()
            for person, (left, top, width, height) in enumerate(_places(number)):
                image[top : top + height, left : left + width] = (200, 40 + 120 * person, 30)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number - 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _model(folder: Path, stage: str, section: dict[str, Any]) -> None:
    options = load_options(section["name"]).model_validate({key: value for key, value in section.items() if key != "name"})
    torch.manual_seed(1)
    network = load_spec(section["name"]).build_network(options)
    publication = Publication(folder, stage, "b" * 64)
    with publication.write(model_folder.WEIGHTS) as path:
        model_folder.save(network, path)
    with publication.write(model_folder.CARD) as path:
        ModelCard(section["name"], options.model_dump(), INPUT, INPUT, "b").write(path)
    with publication.write("history.csv") as path:
        path.write_text("epoch,step,lr,loss\n1,1,0.1,1.0\n2,2,0.1,0.9\n")
    publication.publish()
