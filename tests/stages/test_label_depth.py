from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch

from models.teachers.video_depth_anything.network import VARIANTS, VideoDepth
from pipeline.artifacts.publication import Manifest, Publication, read_manifest
from pipeline.errors import UserError
from pipeline.files import depth_codec
from pipeline.files.depths import depth_facts, read_depths
from pipeline.files.frames import Objects, frame_files, read_frames
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import StageRun
from stages import Context
from stages.label_depth import label_depth
from tests.parameters import walkers
from tests.pipeline.labelling import scenes


class RecordedRun:
    """Stands in for the MLflow run and keeps what a stage logs."""

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}
        self.inputs: dict[str, Manifest] = {}
        self.outputs: list[Manifest] = []
        self.artifacts: dict[str, str] = {}

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        self.logged |= values

    def artifact(self, path: Path, folder: str | None = None) -> None:
        self.artifacts[path.name] = path.read_text()

    def input(self, manifest: Manifest, name: str) -> None:
        self.inputs[name] = manifest

    def output(self, manifest: Manifest) -> None:
        self.outputs.append(manifest)


def context(root: Path, stage: str, **changes: Any) -> tuple[Context, RecordedRun]:
    """A stage's context in `root` with data sets `toy` (videos) and `toystills`."""
    raw = walkers()
    raw["extract_frames"]["sources"] = [
        {"name": "toy", "kind": "mot_challenge", "root": str(root / "source"), "sequences": None, "images_per_file": 4},
        {"name": "toystills", "kind": "crowdhuman", "root": str(root / "stills"), "sequences": None, "images_per_file": 4},
    ]
    raw[stage] |= changes
    run = RecordedRun()
    params = parameters.validate(Params, raw, where="test")
    return Context(params, cast(Any, None), stage, root, cast(StageRun, run), "1" * 64), run


def extracted(root: Path) -> Path:
    """Published frames: two videos (9 and 12 frames), an empty one, and a file of four stills."""
    publication = Publication(root / "data/frames", "extract_frames", "2" * 64)
    rng = np.random.default_rng(0)
    for name, frames in (("one", 9), ("two", 12)):
        scenes.write(publication.path(f"toy/{name}.parquet"), [scenes.people(rng, 6) for _ in range(frames)])
    scenes.write(publication.path("toy/zero.parquet"), [Objects()] * 3)
    stills = [scenes.people(rng, 5) for _ in range(4)]
    scenes.write(publication.path("toystills/train-00000.parquet"), stills, kind="stills", source="annotation_train.odgt")
    publication.publish()
    return root / "data/frames"


@pytest.mark.usefixtures("ray_local")
def test_every_frame_gets_a_map_and_every_box_a_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = extracted(tmp_path)
    made, run = context(tmp_path, "label_depth")
    label_depth(made)
    manifest = read_manifest(tmp_path / "data/depth")
    assert run.outputs[0].digest == manifest.digest
    assert run.inputs["frames"].digest == read_manifest(frames).digest
    assert sorted(manifest.files) == [path.relative_to(frames).as_posix() for path in frame_files(frames)]
    for path in frame_files(frames):
        for row, depth in zip(read_frames(path), read_depths(tmp_path / "data/depth" / path.relative_to(frames)), strict=True):
            assert (row.dataset, row.sequence, row.frame) == (depth.dataset, depth.sequence, depth.frame)
            assert depth_codec.decode(depth.depth, depth.scale).shape == (90, 160)
            assert len(depth.object_depths) == len(row.objects)
    assert run.logged["people/toy/one"] == 54
    assert run.logged["horizon/toy/two"] == pytest.approx(scenes.HORIZON, abs=0.1)
    said = capsys.readouterr().out
    assert "toy/zero: nobody is annotated" in said
    assert "from frame to frame (114 pairs)" in said  # 6 people in 8 + 11 pairs of frames
    pairs = {"one": 48, "two": 66}
    mean = sum(run.logged[f"depth_change/toy/{name}"] * count for name, count in pairs.items()) / 114
    assert run.logged["depth_change"] == pytest.approx(mean)
    assert run.logged["frames_per_second"] > 0
    assert "model_share" not in run.logged  # no network


@pytest.mark.usefixtures("ray_local")
def test_the_error_against_true_depth_is_logged(tmp_path: Path) -> None:
    extracted(tmp_path)
    true = np.array([scenes.depth_at(max(row + 0.5, 40.0)) for row in range(scenes.HEIGHT)])
    codes = np.repeat(np.rint(true / 0.002).astype(np.uint16)[:, None], scenes.WIDTH, 1)
    folder = tmp_path / "source/one/depth"
    folder.mkdir(parents=True)
    (folder / "scale.txt").write_text("0.002")
    for number in range(1, 10):
        cv2.imwrite(str(folder / f"{number:06d}.png"), codes)
    made, run = context(tmp_path, "label_depth")
    label_depth(made)
    assert run.logged["error_ground_abs_rel/toy/one"] < 0.15
    assert run.logged["error_ground_delta1_aligned/toy/one"] > 0.95
    assert run.logged["error_ground_abs_rel"] == run.logged["error_ground_abs_rel/toy/one"]  # the only one with truth
    assert "error_ground_abs_rel/toy/two" not in run.logged


@pytest.mark.usefixtures("ray_local")
def test_a_teacher_labels_a_video_and_says_what_it_loaded(tmp_path: Path) -> None:
    extracted(tmp_path)
    torch.manual_seed(0)
    checkpoint = tmp_path / "video_depth_anything_vits.pth"
    network = VideoDepth(VARIANTS["vits"])
    torch.nn.init.constant_(network.head.scratch.output_conv2[2].bias, 1.0)  # random weights say 0 everywhere as often as not
    torch.save(network.state_dict(), checkpoint)
    changes = {"backend": "video_depth_anything", "model": str(checkpoint), "input_size": 28, "window": 6, "overlap": 4, "gpus": 0.5}
    made, run = context(tmp_path, "label_depth", **changes)
    label_depth(made)
    assert run.artifacts["checkpoint.txt"].startswith("351 of 351 tensors loaded\nloaded      pretrained.cls_token\n")
    facts = depth_facts(tmp_path / "data/depth/toy/one.parquet")
    assert (facts["model"], facts["encoder"], facts["windows"]) == (checkpoint.name, "vits", 3)
    assert facts["scale"] > 0
    assert facts["window_scale_min"] <= 1 <= facts["window_scale_max"]
    assert run.logged["windows/toy/one"] == 3
    assert 0 < run.logged["model_share"] < 1
    assert run.logged["batch_size"] == 8
    assert run.logged["task_frames_per_second"] == pytest.approx(run.logged["model_frames_per_second"] * run.logged["model_share"])
    assert 0 <= run.logged["depth_change"] < 2
    first = run.outputs[0].digest
    label_depth(made)
    assert run.outputs[1].digest == first


@pytest.mark.usefixtures("ray_local")
def test_a_checkpoint_that_does_not_fit_is_refused_before_any_work(tmp_path: Path) -> None:
    extracted(tmp_path)
    torch.save({"pretrained.cls_token": torch.zeros(1, 1, 384)}, tmp_path / "part.pth")
    with pytest.raises(UserError, match="fits the network only in part"):
        label_depth(context(tmp_path, "label_depth", backend="video_depth_anything", model=str(tmp_path / "part.pth"))[0])
    assert not list((tmp_path / "data").glob("depth*"))


@pytest.mark.usefixtures("ray_local")
def test_a_killed_run_goes_on_and_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    extracted(tmp_path)
    made, run = context(tmp_path, "label_depth")
    label_depth(made)
    publication = made.publication(made.data / "depth")
    entry = run.outputs[0].files["toy/one.parquet"]
    with publication.write("toy/one.parquet", entry["made_from"]) as path:  # what a killed run left finished
        path.write_bytes((tmp_path / "data/depth/toy/one.parquet").read_bytes())
    shutil.rmtree(tmp_path / "data/depth")
    finished = publication.path("toy/one.parquet").stat().st_mtime_ns
    label_depth(made)
    assert (tmp_path / "data/depth/toy/one.parquet").stat().st_mtime_ns == finished
    assert run.outputs[0].digest == run.outputs[1].digest
    assert not list((tmp_path / "data").glob("*.partial-*"))


@pytest.mark.usefixtures("ray_local")
def test_depth_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    extracted(tmp_path)
    with pytest.raises(UserError, match="no such depth picture, nor for any other frame"):
        label_depth(context(tmp_path, "label_depth", backend="files")[0])


def test_missing_frames_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a published folder"):
        label_depth(context(tmp_path, "label_depth")[0])
