from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import yaml

from pipeline import depthmap
from pipeline import params as parameters
from pipeline.depths import read_depths
from pipeline.errors import UserError
from pipeline.frames import Objects, frame_files, read_frames
from pipeline.params import Params
from pipeline.publish import Manifest, Publication, read_manifest
from pipeline.runs import StageRun
from stages import Context
from stages.label_depth import label_depth
from tests.models.depth import scenes
from tests.shared import ROOT


class RecordedRun:
    """Stands in for the MLflow run and keeps what a stage logs."""

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}
        self.inputs: dict[str, Manifest] = {}
        self.outputs: list[Manifest] = []

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        self.logged |= values

    def input(self, manifest: Manifest, name: str) -> None:
        self.inputs[name] = manifest

    def output(self, manifest: Manifest) -> None:
        self.outputs.append(manifest)


def context(root: Path, stage: str, **changes: Any) -> tuple[Context, RecordedRun]:
    """A stage's context in `root` with data sets `toy` (videos) and `toystills`."""
    raw = yaml.safe_load((ROOT / "presets/walkers.yaml").read_text())
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
            assert depthmap.decode(depth.depth, depth.scale).shape == (90, 160)
            assert len(depth.object_depths) == len(row.objects)
    assert run.logged["people/toy/one"] == 54
    assert run.logged["horizon/toy/two"] == pytest.approx(scenes.HORIZON, abs=0.1)
    assert "toy/zero: nobody is annotated" in capsys.readouterr().out


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
def test_a_killed_run_goes_on_and_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    extracted(tmp_path)
    made, run = context(tmp_path, "label_depth")
    label_depth(made)
    publication = made.publication(made.data / "depth")
    with publication.write("toy/one.parquet") as path:  # what a killed run left finished
        path.write_bytes((tmp_path / "data/depth/toy/one.parquet").read_bytes())
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
