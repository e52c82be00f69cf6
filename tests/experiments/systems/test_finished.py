"""A finished pipeline as a record of the comparison: a repository in miniature, scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from experiments.systems.comparison import run_of
from experiments.systems.finished import finished, size_of
from experiments.systems.minutes import training_minutes
from pipeline.errors import UserError
from pipeline.params import preset
from tests.mlflow_store import new_store
from tests.shared import ROOT

SCORES = {"HOTA": 61.5, "DetA": 60.0, "AssA": 63.25, "MOTA": 77.0, "IDF1": 79.0, "IDSW": 3}
METRICS = {"combined": SCORES, "detection": {"AP50": 83.0}, "reid": {"R1": 91.0}, "speed": {"frames_per_second": 25.5}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose QDTrack has 12 weights and was scored."""
    (tmp_path / "params.yaml").write_text(preset.text("qdtrack_walkers"))
    for name in ("evaluate", "finetune"):
        (tmp_path / "artifacts" / name).mkdir(parents=True)
    (tmp_path / "artifacts/evaluate/metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "artifacts/finetune/model.json").write_text(json.dumps({"name": "qdtrack"}))
    tensors = {
        "a.weight": torch.zeros(2, 5),
        "a.bias": torch.zeros(2),
        "n.running_mean": torch.zeros(7),
        "n.num_batches_tracked": torch.tensor(1),
    }
    save_file(tensors, tmp_path / "artifacts/finetune/weights.safetensors", metadata={"format": "pt"})
    return tmp_path


def test_a_run_is_a_record_under_the_setting_of_its_cell(root: Path) -> None:
    found = finished(root / "params.yaml", 12.5, root)
    assert found.setting == run_of("qdtrack_walkers", {}, 317, ROOT).digest()
    assert (found.data, found.label, found.seed) == ("walkers", "qdtrack", 317)
    assert found.metrics == {**SCORES, "AP50": 83.0, "R1": 91.0, "frames/s": 25.5, "parameters": 12.0, "training minutes": 12.5}
    assert found.made is not None
    assert set(found.made["code"]) == {"pretrain", "finetune", "track", "evaluate"}
    assert "training minutes" not in finished(root / "params.yaml", None, root).metrics


def test_statistics_of_normalisations_are_no_parameters(root: Path) -> None:
    assert size_of(root / "artifacts/finetune/weights.safetensors") == 12


def test_a_model_of_another_system_is_refused(root: Path) -> None:
    (root / "artifacts/finetune/model.json").write_text(json.dumps({"name": "outrack"}))
    with pytest.raises(UserError, match="a model of outrack, but .*params.yaml names qdtrack"):
        finished(root / "params.yaml", None, root)
    (root / "artifacts/evaluate/metrics.json").unlink()
    with pytest.raises(UserError, match="nothing was scored here"):
        finished(root / "params.yaml", None, root)


def test_minutes_are_those_of_the_latest_finished_run_of_each_training(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{new_store(tmp_path)}"
    client = MlflowClient(uri)
    assert training_minutes(uri, "walkers") is None, "no such experiment"
    place = client.create_experiment("walkers")
    for stage, begun, minutes, status in [
        ("pretrain", 10, 9, "FINISHED"),
        ("pretrain", 60, 2, "FINISHED"),
        ("pretrain", 99, 5, "FAILED"),
        ("finetune", 70, 3, "FINISHED"),
    ]:
        assert training_minutes(uri, "walkers") is None, "nothing fine-tuned"
        run = client.create_run(place, start_time=begun * 60_000, tags={"throughline.stage": stage})
        client.set_terminated(run.info.run_id, status, end_time=(begun + minutes) * 60_000)
    assert training_minutes(uri, "walkers") == 5.0
