"""Real MOT17 images through every stage but pretraining, with the data set's own detections gating births."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import stages
from pipeline.artifacts.publication import read_manifest
from pipeline.files.frames import frame_files, read_frames
from pipeline.files.mot_text import read_rows
from pipeline.files.sample_store import SampleStore
from pipeline.params import preset
from tests.shared import dataset

# Images of each sequence, counted from the folders (seqinfo.ini states the full lengths).
IMAGES = {"02": 4, "04": 8, "05": 6, "09": 4, "10": 5, "11": 7, "13": 5}


def parameters(tmp_path: Path, folder: Path) -> Path:
    values: dict[str, Any] = preset.values("smoke")
    values["base"]["data_root"] = str(folder)
    values["mlflow"]["system_metrics"] = False
    values["cluster"]["address"] = "local"
    values["render_walkers"] |= {"sequences": 0, "stills_train": 0, "stills_val": 0}
    source = {"name": "mini", "kind": "mot_challenge", "root": "{data_root}/train", "sequences": None, "images_per_file": 64}
    values["extract_frames"] |= {"sources": [source], "defects": "skip_and_report"}
    values["pack_samples"] |= {"stills": [], "videos": ["mini"]}
    values["pretrain"]["epochs"] = values["finetune"]["epochs"] = 0
    values["track"] |= {"frames": "all", "detections": "public"}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def run(stage: str, params: Path) -> None:
    stages.execute(stage, getattr(import_module(f"stages.{stage}"), stage), params, params.parent)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_mot17_mini_from_images_to_scores_with_public_detections(tmp_path: Path, ray_local: None) -> None:
    params = parameters(tmp_path, dataset("MOT17-mini"))
    for stage in ("render_walkers", "extract_frames", "label_depth", "pack_samples", "pretrain", "finetune", "track", "evaluate", "report"):
        run(stage, params)
    files = frame_files(tmp_path / "data" / "frames")
    counts = {path.stem.split("-")[1]: sum(1 for _ in read_frames(path)) for path in files}
    assert counts == IMAGES
    assert sum(len(frame.public_boxes) for path in files for frame in read_frames(path)) > 0
    assert len(SampleStore(tmp_path / "data" / "samples" / "video")) == sum(n // 2 for n in IMAGES.values())
    assert read_manifest(tmp_path / "data" / "depth").files
    for path in (tmp_path / "artifacts" / "tracks").glob("*.txt"):
        rows = read_rows(path, kind="results")
        assert set(rows.frame) <= set(range(1, 1 + IMAGES[path.stem.split("-")[1]]))
    metrics = json.loads((tmp_path / "artifacts" / "evaluate" / "metrics.json").read_text())
    assert len(metrics["sequences"]) == 7
    assert (tmp_path / "artifacts" / "report" / "index.html").stat().st_size > 10_000
