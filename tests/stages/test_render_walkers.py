from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.artifacts.publication import Manifest, read_manifest
from pipeline.params import file as parameters
from pipeline.params.sections import Params
from pipeline.registry.runs import StageRun
from pipeline.walkers import tasks
from stages import Context
from stages.render_walkers import render_walkers
from tests.parameters import walkers
from tests.pipeline.walkers.settings import tiny


class RecordedRun:
    """Stands in for the MLflow run and keeps what a stage logs."""

    def __init__(self) -> None:
        self.logged: dict[str, float] = {}
        self.outputs: list[Manifest] = []

    def metrics(self, values: dict[str, float], step: int | None = None) -> None:
        self.logged |= values

    def output(self, manifest: Manifest) -> None:
        self.outputs.append(manifest)


def context(root: Path, **changes: Any) -> tuple[Context, RecordedRun]:
    raw = walkers()
    raw["render_walkers"] = tiny(**changes).model_dump()
    params = parameters.validate(Params, raw, where="test")
    run = RecordedRun()
    return Context(params, cast(Any, None), "render_walkers", root, cast(StageRun, run), "1" * 64), run


@pytest.mark.usefixtures("ray_local")
def test_the_stage_publishes_the_data_set_and_logs_its_occlusion(tmp_path: Path) -> None:
    made, run = context(tmp_path)
    render_walkers(made)
    manifest = read_manifest(tmp_path / "data/walkers")
    assert run.outputs[0].digest == manifest.digest
    assert {"boxes_half_occluded", "identities_half_occluded", "people_per_frame"} <= set(run.logged)
    assert manifest.facts["sequences"] == 2
    assert manifest.facts["stills"] == 4
    assert "sequences/walkers-01/walkers-01.mp4" in manifest.files
    assert not list((tmp_path / "data").glob("*.partial-*"))


@pytest.mark.usefixtures("ray_local")
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole, _ = context(tmp_path / "whole")
    render_walkers(whole)
    broken, _ = context(tmp_path / "broken")
    publication = broken.publication(broken.data / "walkers")
    todo = tasks.plan(publication, broken.params.render_walkers, broken.params.base.seed)
    tasks.perform(todo[0])
    tasks.perform(todo[2])
    render_walkers(broken)
    digests = [read_manifest(root / "data/walkers").digest for root in (tmp_path / "whole", tmp_path / "broken")]
    assert digests[0] == digests[1]


def test_nothing_asked_for_publishes_an_empty_folder(tmp_path: Path) -> None:
    made, run = context(tmp_path, sequences=0, stills_train=0, stills_val=0)
    render_walkers(made)
    assert read_manifest(tmp_path / "data/walkers").files == {}
    assert run.logged == {}
