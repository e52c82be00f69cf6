"""What is judged, kept, and not judged again; what MLflow and the registry are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from experiments.represent import gallery, record, run, true_boxes
from experiments.represent.jobs import Job, work
from experiments.represent.record import flat
from experiments.represent.representations import Entry
from experiments.represent.run import FOLDER, Result, Wanted, represent
from experiments.represent.table import table
from pipeline.errors import UserError
from pipeline.params.file import load
from pipeline.params.sections import Params
from pipeline.registry.address import tracking_uri
from pipeline.registry.experiment import client
from pipeline.registry.runs import StageRun
from tests.mlflow_store import new_store
from tests.shared import ROOT
from tests.stages.repository import Repository, model_folder

SMALL = {"network": "mobilenet_v2", "layer": "features.4"}


@pytest.fixture
def params(tmp_path: Path) -> Params:
    new_store(tmp_path)
    return load(Repository(tmp_path).params)


@pytest.fixture
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is told nothing, which takes a second for each run."""
    monkeypatch.setattr(record.Recorded, "add", lambda self, job, results: None)
    monkeypatch.setattr(record, "opened", lambda params, root, key: nullcontext(record.Recorded(StageRun("", ""))))


def _entry(weights: str = "random", starts: int = 1, **network: str) -> Entry:
    return Entry.model_validate({"network": SMALL | network, "weights": weights, "starts": starts})


def _here(jobs: Sequence[Job]) -> None:
    for job in jobs:
        work(job)


def _files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted((root / FOLDER).rglob("*")) if path.is_file()}


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes_and_then_there_is_nothing_to_do(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted({"tiny": _entry(starts=2)}, ["mot"])
    whole = represent(wanted, params, tmp_path, _here)
    assert [(result.name, result.start, result.task, result.sequences) for result in whole] == [
        ("tiny", params.base.seed, "mot", 2),
        ("tiny", params.base.seed + 1, "mot", 2),
    ]
    assert whole[0].scores["RSM"]["IDF1"] == 100  # one person
    assert "| tiny | RSM | 100.0 |" in table("mot", whole)
    before = _files(tmp_path)
    assert len(before) == 4 + 2
    _check_runs(tmp_path, params)

    def never(jobs: Sequence[Job]) -> None:
        raise AssertionError("nothing is to be judged")

    assert represent(wanted, params, tmp_path, never) == whole
    assert len(_runs(tmp_path, params)) == 3
    for name in ("parts/tiny/{}/mot/walkers-seq-2.part", "scores/tiny/{}/mot.json"):  # as the kill of an actor leaves it
        (tmp_path / FOLDER / name.format(params.base.seed)).unlink()
    (tmp_path / FOLDER / f"parts/tiny/{params.base.seed}/mot/.walkers-seq-2.part.tmp").write_bytes(b"half of")
    (tmp_path / FOLDER / f"parts/tiny/{params.base.seed + 1}/mot/walkers-seq-1.part").write_bytes(b"damaged")
    judged: list[str] = []
    real = true_boxes.begin
    monkeypatch.setattr(true_boxes, "begin", lambda shown, seed: judged.append(shown.frames.stem) or real(shown, seed))
    assert represent(wanted, params, tmp_path, _here) == whole
    assert judged == ["seq-2", "seq-1"]
    assert _files(tmp_path) == before
    assert gallery.draw(wanted, params, tmp_path) == [tmp_path / FOLDER / "clips" / "tiny" / "mot.mp4"]


def _runs(root: Path, params: Params) -> list[tuple[str, str, str | None]]:
    store = client(tracking_uri(params.mlflow.tracking_uri, root))
    experiment = store.get_experiment_by_name(params.mlflow.experiment)
    found = store.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    return [(run.info.run_name, run.info.status, run.data.tags.get("mlflow.parentRunId")) for run in found]


def _check_runs(root: Path, params: Params) -> None:
    runs = _runs(root, params)
    assert [(name, status) for name, status, _ in runs] == [
        ("represent", "FINISHED"),
        (f"tiny, start {params.base.seed}", "FINISHED"),
        (f"tiny, start {params.base.seed + 1}", "FINISHED"),
    ]
    assert runs[0][2] is None
    assert len({parent for _, _, parent in runs[1:]}) == 1


def test_what_changed_is_judged_and_nothing_else(tmp_path: Path, params: Params, unrecorded: None) -> None:
    done: list[tuple[str, list[str]]] = []

    def noted(jobs: Sequence[Job]) -> None:
        done.extend((job.name, [part.path.stem for part in job.missing]) for job in jobs)
        _here(jobs)

    represent(Wanted({"tiny": _entry()}, ["mot"], limit=1), params, tmp_path, noted)
    represent(Wanted({"tiny": _entry()}, ["mot"]), params, tmp_path, noted)
    represent(Wanted({"tiny": _entry(), "deep": _entry(layer="features.5")}, ["mot"]), params, tmp_path, noted)
    both = ["walkers-seq-1", "walkers-seq-2"]
    assert done == [("tiny", both[:1]), ("tiny", both[1:]), ("deep", both)]


def test_users_mistakes_come_before_any_work(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(jobs: Sequence[Job]) -> None:
        raise AssertionError("work was begun")

    with pytest.raises(UserError, match="--tasks: no task juggling; there are: sot, vos"):
        represent(Wanted({"tiny": _entry()}, ["juggling"]), params, tmp_path, never)
    with pytest.raises(UserError, match="has no masks and no public_masks, which the task mots reads"):
        represent(Wanted({"tiny": _entry()}, ["mots"], own=True), params, tmp_path, never)
    with pytest.raises(UserError, match=r"not of 1/8.*\nnext: "):
        represent(Wanted({"tiny": _entry(), "coarse": _entry(layer="features.1")}, ["mot"]), params, tmp_path, never)
    assert _files(tmp_path) == {}


def test_metrics_have_names_that_mlflow_takes() -> None:
    scores = {"RSM": {"PCK@0.1": 1.0, "J&F": 2.0, "unknown": float("nan")}}
    result = Result("a", 0, "vos", "d", "c", 1, scores, "w", "c", "k")
    assert flat([result]) == {"vos/RSM/PCK_0.1": 1.0, "vos/RSM/J_F": 2.0}


def test_a_registered_model_is_fetched_and_its_version_is_told_the_scores(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folder(tmp_path / "version")
    monkeypatch.setattr(run, "local_model", lambda name, uri, key, cache: tmp_path / "version")
    told: list[Result] = []
    monkeypatch.setattr(record, "_tag", lambda result, child: told.append(result))
    entry = Entry.model_validate({"model": {"folder": "models:/outrack@champion", "level": "stride8"}, "weights": "published"})
    found = represent(Wanted({"ours": entry}, ["mot"], limit=1), params, tmp_path, _here)
    assert told == found
    assert found[0].registered == "models:/outrack@champion"


def test_weights_of_the_registry_and_of_the_hub_are_fetched(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(run, "local_model", lambda name, uri, key, cache: asked.append(f"{key}: {name}") or tmp_path)
    monkeypatch.setattr(run, "snapshot", lambda name: asked.append(name) or tmp_path)
    for name in ("models:/unitrack@champion", "hf:microsoft/resnet-50"):
        assert run._fetched(_entry(name), params, tmp_path).weights == str(tmp_path)
    assert asked == ["weights: models:/unitrack@champion", "microsoft/resnet-50"]
    assert _entry("models:/unitrack@champion").registered == "models:/unitrack@champion"


def test_a_version_keeps_one_tag_for_each_task(tmp_path: Path) -> None:
    """Its own, not those by which versions compete for champion."""
    store = client(f"sqlite:///{new_store(tmp_path)}")
    store.create_registered_model("outrack")
    store.create_model_version("outrack", str(tmp_path))
    result = Result("ours", 0, "vos", "close-ups", "c", 1, {"still": {"J": 7.0}}, "w", "c", "k", "models:/outrack/1")
    record._tag(result, StageRun("run", f"sqlite:///{tmp_path / 'mlflow.db'}"))
    tags = store.get_model_version("outrack", "1").tags
    assert json.loads(tags["throughline.represent.vos"]) == {"data": "close-ups", "key": "k", "run": "run", "scores": {"still": {"J": 7.0}}}


DRIVER = """
import sys
from pathlib import Path
from experiments.represent.representations import Entry
from experiments.represent.run import Wanted, represent
from pipeline.params.file import load

if __name__ == "__main__":
    entry = Entry.model_validate({"network": {"network": "mobilenet_v2", "layer": "features.4"}, "weights": "random", "starts": 8})
    root = Path(sys.argv[1])
    represent(Wanted({"tiny": entry}, ["mot"]), load(root / "params.yaml"), root)
"""


@pytest.mark.slow
def test_killed_actors_start_again_and_a_killed_driver_leaves_what_it_had(tmp_path: Path, unrecorded: None) -> None:
    """An actor is killed after the first part, the driver after some more; who comes then judges what is missing alone."""
    params = load(Repository(tmp_path / "killed").params)
    new_store(tmp_path / "killed")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path / "killed")], env=environment, start_new_session=True)
    try:
        _wait(tmp_path / "killed", 1)
        actors = [child for child in psutil.Process(driver.pid).children(recursive=True) if "_Worker" in child.name()]
        assert actors
        actors[0].kill()
        _wait(tmp_path / "killed", 6)
        driver.kill()
        driver.wait(60)
    finally:
        for child in (process for process in psutil.process_iter() if _session(process) == driver.pid):
            child.kill()
    left, missing = len(_parts(tmp_path / "killed")), list[Path]()

    def noted(jobs: Sequence[Job]) -> None:
        missing.extend(part.path for job in jobs for part in job.missing)
        _here(jobs)

    wanted = Wanted({"tiny": _entry(starts=8)}, ["mot"])
    found = represent(wanted, params, tmp_path / "killed", noted)
    assert left + len(missing) == 16
    assert found == represent(wanted, load(Repository(tmp_path / "whole").params), tmp_path / "whole", _here)
    assert _files(tmp_path / "killed") == _files(tmp_path / "whole")


def _parts(root: Path) -> list[Path]:
    return list((root / FOLDER).rglob("*.part"))


def _wait(root: Path, count: int) -> None:
    end = time.monotonic() + 240
    while len(_parts(root)) < count:
        assert time.monotonic() < end
        time.sleep(0.02)


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except OSError:
        return 0
