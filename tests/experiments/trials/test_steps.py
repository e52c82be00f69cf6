"""A trial does each step once, shares what it can, and scores as the pipeline's own stages do."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.trials import steps
from experiments.trials.recipe import Recipe
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files.splits import Ranges, write_split
from pipeline.params import file as parameters
from pipeline.registry.runs import StageRun
from pipeline.scoring.sequences import from_frames
from pipeline.scoring.tracking import score
from stages import execute
from stages.track import track
from tests.pipeline.tiny import write_samples
from tests.stages.repository import FIRST, FRAMES, Repository

pytestmark = pytest.mark.usefixtures("ray_local")
RUN = StageRun("run", "sqlite://")
SMALL = {"pretrain.epochs": 0, "finetune.epochs": 0, "finetune.min_loaded": 1.0}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    publication = Publication(tmp_path / "data" / "samples", "pack_samples", "s")
    for name, video in (("stills", False), ("video", True)):
        write_samples(publication.partial / name, video=video, size=(128, 96))
    ranges = Ranges((1, FIRST - 1), (FIRST, FRAMES))
    with publication.write("split.json") as path:
        write_split(path, {"walkers": {"seq-1": ranges, "seq-2": ranges}})
    publication.publish()
    return made


def recipe(repository: Repository, **changed: Any) -> Recipe:
    raw = parameters.read(repository.params)
    made = Recipe(label="trial", raw=raw, pretrain=SMALL, finetune=SMALL, track={}, seed=5, shared_seed=3)
    return replace(made, **changed)


def kept(root: Path, step: str) -> set[str]:
    """Folders of finished steps."""
    return {path.parent.name for path in (root / steps.TRIALS / step).glob("*/manifest.json")}


def test_a_finished_trial_is_read_from_disk(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    made, root = recipe(repository), repository.root
    assert steps.outcome(made, root) is None
    metrics = steps.realise(made, root, RUN)
    assert {"MOTA", "IDF1", "HOTA", "IDSW", "FP", "FN", "MT", "ML", "R1", "mAP", "AP50"} <= set(metrics)
    assert steps.outcome(made, root) == metrics
    folder = steps.model_folder(made, root)
    assert folder is not None
    assert (folder / "weights.safetensors").is_file()
    monkeypatch.setattr(steps, "_trained", lambda *_: pytest.fail("trained again"))
    assert steps.realise(made, root, RUN) == metrics


def test_trials_share_what_they_do_not_change(repository: Repository) -> None:
    root = repository.root
    steps.realise(recipe(repository), root, RUN)
    steps.realise(recipe(repository, track={"model.tracker.iou_limit": 0.9}), root, RUN)
    assert [len(kept(root, step)) for step in ("pretrain", "finetune", "seen")] == [1, 1, 1]
    steps.realise(recipe(repository, track={"model.tracker.top_k": 3}), root, RUN)
    assert [len(kept(root, step)) for step in ("pretrain", "finetune", "seen")] == [1, 1, 2], "top_k changes what is seen"
    steps.realise(recipe(repository, shared_seed=4), root, RUN)
    assert [len(kept(root, step)) for step in ("pretrain", "finetune", "seen")] == [2, 2, 3]
    steps.realise(recipe(repository, shared_seed=4, finetune=None), root, RUN)
    assert [len(kept(root, step)) for step in ("pretrain", "finetune")] == [2, 2]


def test_scores_are_those_of_the_stages(repository: Repository) -> None:
    root = repository.root
    made = recipe(repository, track={"track.frames": "val"})
    metrics = steps.realise(made, root, RUN)
    model = steps.model_folder(made, root)
    assert model is not None
    shutil.rmtree(repository.artifacts / "finetune")
    shutil.copytree(model, repository.artifacts / "finetune")
    execute("track", track, repository.params, root)
    frames = root / "data" / "frames" / "walkers"
    sequences = [from_frames(frames / f"{name}.parquet", repository.artifacts / "tracks", (FIRST, FRAMES)) for name in ("seq-1", "seq-2")]
    expected = score(sequences, "MOT17").combined._asdict()
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)


def test_the_pipelines_own_networks_are_taken(repository: Repository) -> None:
    root = repository.root
    steps.realise(recipe(repository), root, RUN)
    (folder,) = (root / steps.TRIALS / "pretrain").glob("*/")
    shutil.rmtree(repository.artifacts / "pretrain")
    shutil.move(folder, repository.artifacts / "pretrain")
    steps.realise(recipe(repository, seed=6), root, RUN)
    assert kept(root, "pretrain") == set()


def test_reports_come_after_each_sequence_and_may_stop_the_trial(repository: Repository) -> None:
    told: list[tuple[float, float]] = []
    steps.realise(recipe(repository), repository.root, RUN, lambda metrics, share: told.append((share, metrics["FN"])))
    assert [share for share, _ in told] == [0.5]
    stopped = recipe(repository, track={"model.tracker.iou_limit": 0.6})

    def stop(metrics: dict[str, float], share: float) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        steps.realise(stopped, repository.root, RUN, stop)
    assert steps.outcome(stopped, repository.root) is None


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"pretrain": None, "finetune": None}, "trial: trains nothing"),
        ({"pretrain": {"pretrain.weights": "no.safetensors"}}, r"trial: pretrain\.weights: no such file: no\.safetensors"),
        ({"track": {"model.tracker.top_k": 0}}, r"model\.tracker\.top_k"),
    ],
)
def test_what_cannot_be_done_is_named_before_work(repository: Repository, changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        steps.check(recipe(repository, **changed), repository.root)


def test_missing_data_is_named(repository: Repository) -> None:
    shutil.rmtree(repository.root / "data" / "samples")
    with pytest.raises(UserError, match="data/samples: not a published folder"):
        steps.check(recipe(repository), repository.root)
