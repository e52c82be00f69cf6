"""The stage on a tiny repository with a real MLflow store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from pydantic import BaseModel
from safetensors.torch import save_file
from torch import nn

from pipeline.artifacts.publication import Publication
from pipeline.contract.detections import Detections
from pipeline.errors import UserError
from pipeline.files.frames import Frame, FrameWriter, Objects
from pipeline.files.observations import Observation, ObservationWriter
from pipeline.files.splits import Ranges, write_split
from pipeline.files.track_origin import ORIGIN, TrackOrigin
from pipeline.params import file as parameters
from pipeline.registry import registry
from pipeline.registry.runs import StageRun, started
from pipeline.registry.scores import WEIGHTS_TAG, scores
from pipeline.runtime.machine import kind
from stages import Context, make_good
from stages.evaluate import RECORD, evaluate, is_told
from tests.mlflow_store import new_store
from tests.pipeline.scoring.text import write_lines
from tests.shared import ROOT

FRAMES, FIRST = 8, 5
BOXES = np.array([[10, 10, 30, 60], [200, 10, 220, 60]], np.float32)
PRESET = ROOT / "presets" / "walkers.yaml"


class NoOptions(BaseModel):
    """Scoring knows no model."""


class Repository:
    """Published folders of one sequence whose second half was tracked, and the stage on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        params = parameters.load(PRESET)
        self.params = params.model_copy(update={"mlflow": params.mlflow.model_copy(update={"system_metrics": False})})

    def frames(self, extra: str = "") -> None:
        publication = Publication(self.root / "data" / "frames", "extract_frames", "f" + extra)
        for name, truth in (("seq-1", True), ("untold", False)):
            facts = {"dataset": "d", "sequence": name, "kind": "video", "frame_rate": 10.0, "ground_truth": truth, "note": extra}
            with publication.write(f"d/{name}.parquet") as path, FrameWriter(path, facts) as writer:
                for number in range(1, FRAMES + 1):
                    writer.write(Frame("d", name, number, 0.1 * number, 320, 240, b"x", people() if truth else Objects()))
        publication.publish()
        samples = Publication(self.root / "data" / "samples", "pack_samples", "s")
        with samples.write("split.json") as path:
            halves = Ranges((1, FIRST - 1), (FIRST, FRAMES))
            write_split(path, {"d": {"seq-1": halves, "untold": halves}})
        samples.publish()

    def model(self, seed: int) -> None:
        """A fine-tuned network with weights of its own, registered."""
        torch.manual_seed(seed)
        network = nn.Conv2d(3, 1, 3)
        publication = Publication(self.root / "artifacts" / "finetune", "finetune", f"m{seed}")
        with publication.write("weights.safetensors") as path:
            save_file(network.state_dict(), path)
        with publication.write("model.json") as path:
            path.write_text('{"options": {"tracker": {"iou_limit": 0.9}}}')
        self.weights = publication.publish().files["weights.safetensors"]["sha256"]
        with self.run("finetune") as run:
            example = np.zeros((1, 3, 32, 32), np.float32)
            registry.register(network, publication.out, example, name=self.params.model.name, tags={}, run=run)

    def tracks(self, missed: int, dimensions: int = 2, iou_limit: float = 0.9, **made: Any) -> None:
        """Both people in every held-out frame but the first `missed`; embeddings of so many dimensions; what made them."""
        publication = Publication(self.root / "artifacts" / "tracks", "track", f"t{missed}")
        kept = range(FIRST + missed, FRAMES + 1)
        for name in ("seq-1", "untold"):
            with publication.write(f"{name}.txt") as path:
                lines = [[frame, identity, 10 + 190 * (identity - 1), 10, 20, 50, 1] for frame in kept for identity in (1, 2)]
                write_lines(path, [[float(value) for value in line] for line in lines])
        stated = {"detections": "private", "association": "tracker", "boxes": {}} | made
        with publication.write(ORIGIN) as path:
            TrackOrigin(self.params.model.name, self.weights, {"iou_limit": iou_limit}, **stated).write(path)
        publication.publish(weights_sha256=self.weights)
        observations = Publication(self.root / "artifacts" / "observations", "track", f"t{missed}")
        facts: dict[str, Any] = {"sequence": "seq-1", "width": 320, "height": 80, "frame_rate": 10.0}
        with observations.write("seq-1.parquet") as path, ObservationWriter(path, **facts) as writer:
            for frame in range(FIRST, FRAMES + 1):
                embeddings = np.eye(2, dimensions, dtype=np.float32)
                seen = Detections(BOXES, np.array([0.9, 0.8], np.float32), embeddings)
                writer.write(Observation(frame, seen, np.array([1, 2]), np.ones(2, np.float32), embeddings))
        observations.publish()
        (self.root / "artifacts" / "speed.json").write_text('{"frames_per_second": 12.5, "sequences": {"seq-1": 12.5}}')

    def evaluate(self) -> dict[str, Any]:
        with self.run("evaluate") as run:
            self.last = run.run_id
            evaluate(Context(self.params, NoOptions(), "evaluate", self.root, run, "e"))
        found: dict[str, Any] = json.loads((self.root / "artifacts" / "evaluate" / "metrics.json").read_text())
        return found

    def run(self, stage: str) -> Any:
        return started(self.params.mlflow, self.root, stage=stage, tags={})

    @property
    def uri(self) -> str:
        with self.run("uri") as run:
            assert isinstance(run, StageRun)
            return run.tracking_uri

    def champion(self) -> str:
        return registry.show(f"{self.params.model.name}@champion", self.uri).version

    def scores(self, version: int, metric: str = "MOTA") -> dict[str, float]:
        """A version's scores by the detections that they were reached from."""
        found = scores(registry.show(f"{self.params.model.name}/{version}", self.uri).tags).values()
        return {item.conditions.detections + item.conditions.boxes[:1]: item.metrics[metric] for item in found}


def people() -> Objects:
    ones = np.ones(2, np.float32)
    return Objects(BOXES, np.array([1, 2], np.int64), np.ones(2, np.int32), ones, ones, np.zeros(2, np.bool_))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.chdir(tmp_path)
    new_store(tmp_path)
    made = Repository(tmp_path)
    made.frames()
    made.model(1)
    made.tracks(missed=1)
    return made


def test_the_stage_scores_publishes_logs_and_promotes(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    found = repository.evaluate()
    assert found["combined"]["MOTA"] == 75, "4 held-out frames of 2 people, one frame missed"
    assert found["combined"]["FN"] == 2
    assert found["sequences"]["seq-1"] == found["combined"]
    assert list(found["sequences"]) == ["seq-1"]
    assert found["reid"] == {"R1": 100, "mAP": 100, "queries": 4, "gallery": 4, "identities": 2}
    assert found["detection"]["AP50"] == 100
    assert found["speed"]["frames_per_second"] == 12.5
    assert (repository.root / "artifacts" / "evaluate" / "per_sequence.csv").read_text().count("\n") == 3
    printed = capsys.readouterr().out
    assert "d/untold: not scored, it has no ground truth" in printed
    assert "first champion" in printed
    run = MlflowClient(repository.uri).get_run(repository.last)
    assert run.data.metrics["combined.MOTA"] == 75
    assert run.data.metrics["reid.R1"] == 100
    assert {item.dataset.name for item in run.inputs.dataset_inputs} == {"frames", "tracks", "observations"}
    assert repository.champion() == "1"
    (score,) = scores(registry.show("outrack/1", repository.uri).tags).values()
    assert score.metrics["MOTA"] == 75
    assert score.conditions.told == "val frames of 1 sequence of d"
    assert (score.origin["run"], score.origin["machine cpu"]) == (repository.last, kind()["cpu"])


def test_a_network_without_embeddings_has_no_reid_figures(repository: Repository) -> None:
    repository.tracks(missed=1, dimensions=0)
    found = repository.evaluate()
    assert "reid" not in found
    assert (found["combined"]["MOTA"], found["detection"]["AP50"]) == (75, 100)
    logged = MlflowClient(repository.uri).get_run(repository.last).data.metrics
    assert "detection.AP50" in logged
    assert not [name for name in logged if name.startswith("reid")]


def test_the_champion_is_whoever_is_better_on_the_same_data(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.evaluate()
    repository.model(2)
    repository.tracks(missed=2)
    repository.evaluate()
    assert repository.champion() == "1", "worse"
    repository.model(3)
    repository.tracks(missed=0)
    repository.evaluate()
    assert repository.champion() == "3", "better"
    repository.frames("other")
    repository.model(4)
    repository.tracks(missed=0)
    repository.evaluate()
    assert repository.champion() == "3", "other data"
    assert "it was scored on other evaluation data" in capsys.readouterr().out


@pytest.mark.parametrize("told", ["detections", "association"])
def test_a_run_on_the_ground_truth_poisons_no_score_and_hinders_no_better_version(
    repository: Repository, capsys: pytest.CaptureFixture[str], told: str
) -> None:
    repository.evaluate()
    assert repository.scores(1) == {"private": 75}
    repository.tracks(missed=0, **{told: "ground_truth"})
    assert repository.evaluate()["combined"]["MOTA"] == 100, "scored all the same"
    assert "told the ground truth: champion not considered" in capsys.readouterr().out
    assert repository.scores(1) == {"private": 75}, "the score of version 1 is still its own"
    repository.model(2)
    repository.tracks(missed=0)
    repository.evaluate()
    assert "version 2 is champion" in capsys.readouterr().out
    assert (repository.champion(), repository.scores(2)) == ("2", {"private": 100})


def test_scores_on_other_boxes_stand_beside_each_other(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Each content of another detector's files is a condition of its own; only equal ones are compared."""
    repository.evaluate()
    for missed, boxes in ((0, "one"), (2, "other")):
        repository.tracks(missed=missed, detections="file", boxes={"d/seq-1": boxes, "d/untold": boxes})
        repository.evaluate()
    found = repository.scores(1)
    assert found.pop("private") == 75
    assert sorted(found.values()) == [50, 100]
    repository.model(2)
    repository.tracks(missed=1, detections="file", boxes={"d/seq-1": "other"})
    repository.evaluate()
    assert "version 2 is champion" in capsys.readouterr().out, "75 against 50 on these boxes, whatever the champion had on others"


def test_other_options_of_the_tracker_are_a_version_of_their_own_that_shares_the_weights(repository: Repository) -> None:
    """Forth to a tuned threshold and back, as `dvc exp run -S` and `dvc repro` do: back, DVC restores outputs and runs nothing."""
    repository.evaluate()
    kept = shutil.copytree(repository.root / "artifacts", repository.root / "run-cache")
    repository.tracks(missed=0, iou_limit=0.8)
    repository.evaluate()
    assert (repository.scores(1), repository.scores(2), repository.champion()) == ({"private": 75}, {"private": 100}, "2")
    shutil.rmtree(repository.root / "artifacts")
    shutil.move(kept, repository.root / "artifacts")
    for _ in range(2):  # as restored, and, when DVC forgot that run, evaluated again
        assert (repository.scores(1), repository.scores(2), repository.champion()) == ({"private": 75}, {"private": 100}, "2")
        repository.evaluate()
    assert [item.version for item in registry.versions(repository.uri)] == ["1", "2"]
    assert registry.show("outrack/2", repository.uri).tags[WEIGHTS_TAG] == registry.show("outrack/1", repository.uri).tags[WEIGHTS_TAG]
    tuned = registry.fetch("outrack@champion", repository.uri, repository.root / "champion")
    assert json.loads((tuned / "model.json").read_text())["options"]["tracker"] == {"iou_limit": 0.8}, "what was scored is what is used"


def test_a_store_that_lacks_the_score_of_restored_outputs_gets_it_and_nothing_is_made_anew(repository: Repository) -> None:
    """`throughline registry record`, and a stage that was killed before it told the registry."""
    repository.evaluate()
    assert is_told(repository.params, repository.root)
    new_store(repository.root, "fresh.db")
    settings = repository.params.mlflow.model_copy(update={"tracking_uri": "sqlite:///fresh.db"})
    repository.params = repository.params.model_copy(update={"mlflow": settings})
    assert is_told(repository.params, repository.root), "the model is unknown here, so there is nothing to tell"
    repository.model(1)
    assert not is_told(repository.params, repository.root)
    with repository.run("evaluate") as run:
        RECORD.make(Context(repository.params, NoOptions(), "evaluate", repository.root, run, "e"))
    with pytest.raises(UserError, match="evaluate: its output is not there, or not of"):
        make_good("evaluate", RECORD, PRESET, repository.root)
    assert is_told(repository.params, repository.root)
    assert repository.scores(1) == {"private": 75}


def test_a_model_the_store_does_not_know_is_scored_all_the_same(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    new_store(repository.root, "fresh.db")
    settings = repository.params.mlflow.model_copy(update={"tracking_uri": "sqlite:///fresh.db"})
    repository.params = repository.params.model_copy(update={"mlflow": settings})
    assert repository.evaluate()["combined"]["MOTA"] == 75
    assert "champion not considered" in capsys.readouterr().out


def test_missing_tracks_say_what_to_run(repository: Repository) -> None:
    (repository.root / "artifacts" / "tracks" / "manifest.json").unlink()
    with pytest.raises(UserError, match="dvc repro"):
        repository.evaluate()


def test_missing_speed_says_what_to_run(repository: Repository) -> None:
    (repository.root / "artifacts" / "speed.json").unlink()
    with pytest.raises(UserError, match=r"speed\.json: no such file"):
        repository.evaluate()
