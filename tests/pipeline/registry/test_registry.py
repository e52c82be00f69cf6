"""Registering, promoting and fetching against a real sqlite store."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.params.sections.common import Mlflow
from pipeline.registry import champions, registry, sqlite_store
from pipeline.registry.layout import model_files
from pipeline.registry.runs import StageRun, started
from pipeline.registry.scores import WEIGHTS_TAG, Candidate, Conditions, Score, scores
from pipeline.registry.variants import register_variant
from tests.mlflow_store import new_store

EXAMPLE = np.random.default_rng(0).random((1, 3, 32, 64), np.float32)
TRACKER = {"iou_limit": 0.9}
DATA = Conditions("a" * 64, "private", "", "MOT17", ("pedestrian",), "val frames of 6 sequences of walkers")
OTHER_DATA = replace(DATA, data="b" * 64)


class Outputs(NamedTuple):
    heat: Tensor
    embedding: Tensor
    depth: Tensor | None


class Tiny(nn.Module):
    """A network with the shape of the real ones: NamedTuple out, one head off."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, images: Tensor) -> Outputs:
        features = self.body(images)
        return Outputs(self.head(features).sigmoid(), nn.functional.normalize(features, dim=1), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("finetune")
    torch.manual_seed(0)
    save_file(Tiny().state_dict(), made / "weights.safetensors")
    (made / "model.json").write_text(json.dumps({"name": "tiny", "options": {"tracker": TRACKER}}))
    (made / "params.yaml").write_text("base: {seed: 1}\n")
    (made / "manifest.json").write_text("{}")
    return made


@pytest.fixture(scope="module")
def network(folder: Path) -> nn.Module:
    tiny = Tiny()
    tiny.load_state_dict(load_file(folder / "weights.safetensors"))
    return tiny.to(memory_format=torch.channels_last)  # as training leaves it


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> StageRun:
    """A finished run in a store of its own, in a folder whose name needs care in queries and addresses."""
    root = tmp_path_factory.mktemp('it\'s a "store" ü')
    new_store(root)
    settings = Mlflow(tracking_uri="sqlite:///mlflow.db", experiment="test", system_metrics=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        with started(settings, root, stage="finetune", tags={}) as stage_run:
            pass
    return stage_run


def register(network: nn.Module, folder: Path, run: StageRun, name: str) -> str:
    return registry.register(network, folder, EXAMPLE, name=name, tags={"throughline.params_hash": "abc"}, run=run)


def promote(run: StageRun, name: str, version: str, hota: float, conditions: Conditions = DATA) -> champions.Promotion:
    score = Score(conditions, {"HOTA": hota, "MOTA": 50.0}, {"run": run.run_id})
    return champions.consider(run.tracking_uri, name, version, score, "HOTA")


def champion(run: StageRun, name: str) -> str:
    return registry.show(f"{name}@champion", run.tracking_uri).version


@pytest.fixture(scope="module")
def four(network: nn.Module, folder: Path, run: StageRun) -> str:
    """A model with four versions."""
    for _ in range(4):
        register(network, folder, run, "four")
    return "four"


def test_a_version_holds_signature_example_description_and_its_weights_once(four: str, folder: Path, run: StageRun, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(run.tracking_uri)
    info = mlflow.models.get_model_info(f"models:/{four}/1")
    assert info.signature.inputs.inputs[0].shape == (-1, -1, -1, 3)
    assert info.signature.outputs.input_names() == ["frame", "identity", "x1", "y1", "x2", "y2", "score"]
    assert info.run_id == run.run_id
    assert info.saved_input_example_info is not None
    found = registry.show(f"{four}/1", run.tracking_uri)
    assert found.tags["throughline.params_hash"] == "abc"
    assert found.run_id == run.run_id
    assert "`four`, a tracker of pedestrian" in mlflow.MlflowClient().get_model_version(four, "1").description
    stored = Path(mlflow.artifacts.download_artifacts(f"models:/{four}/1", dst_path=str(tmp_path)))
    names = [path.name for path in stored.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert names.count("weights.safetensors") == 1
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pth", ".pt", ".pt2"))], "nothing is there twice, or pickled"


def test_without_mlflow_a_version_is_found_in_the_same_place(four: str, folder: Path, run: StageRun) -> None:
    for reference in ("models:/four/2", "models:/four@latest"):
        place = sqlite_store.model_folder(reference, run.tracking_uri)
        assert (place / "weights.safetensors").read_bytes() == (folder / "weights.safetensors").read_bytes()
        version = registry.show(reference, run.tracking_uri).version
        kept = mlflow.MlflowClient(run.tracking_uri).get_model_version_download_uri("four", version)
        assert registry.local_folder(kept) == place.parents[1]


@pytest.mark.parametrize(
    ("reference", "store", "message"),
    [
        ("models:/four@nobody", None, "models:/four@nobody: not in the registry"),
        ("models:/four", None, "not a model reference"),
        ("models:/four/1", "http://127.0.0.1:1", "only MLflow itself reads this store"),
        ("models:/four/1", "sqlite:////nowhere.db", "no such MLflow store"),
    ],
)
def test_without_mlflow_the_cause_is_named(four: str, run: StageRun, reference: str, store: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        sqlite_store.model_folder(reference, store or run.tracking_uri)


def test_latest_follows_the_newest_version(four: str, run: StageRun) -> None:
    assert registry.show(f"{four}@latest", run.tracking_uri).version == "4"
    assert [item.version for item in registry.versions(run.tracking_uri) if item.name == four] == ["1", "2", "3", "4"]


def test_champion_moves_only_to_better_figures_on_the_same_data(four: str, run: StageRun) -> None:
    assert promote(run, four, "1", 60.0).moved, "the first one"
    assert not promote(run, four, "2", 59.0).moved, "worse"
    assert not promote(run, four, "2", 60.0).moved, "a tie"
    assert champion(run, four) == "1"
    assert not promote(run, four, "3", 99.0, OTHER_DATA).moved, "better, on data the champion never saw"
    assert champion(run, four) == "1"
    assert promote(run, four, "4", 61.0).moved, "better"
    assert champion(run, four) == "4"
    assert promote(run, four, "4", 58.0).moved, "scored again: it stays"
    promote(run, four, "4", 98.0, OTHER_DATA)
    assert promote(run, four, "3", 99.0, OTHER_DATA).moved, "now both are known on the other data"
    found = scores(registry.show(f"{four}@champion", run.tracking_uri).tags).values()
    assert {item.conditions: item.metrics["HOTA"] for item in found} == {OTHER_DATA: 99.0}


def test_fetch_brings_back_the_same_files(four: str, folder: Path, run: StageRun, tmp_path: Path) -> None:
    for number, reference in enumerate((f"{four}@latest", f"models:/{four}@latest", f"{four}/2")):
        out = registry.fetch(reference, run.tracking_uri, tmp_path / str(number))
        assert sorted(path.name for path in out.iterdir()) == ["model.json", "params.yaml", "weights.safetensors"]
        assert (out / "weights.safetensors").read_bytes() == (folder / "weights.safetensors").read_bytes()


def test_folders_of_other_people_in_a_version_are_passed_over(network: nn.Module, folder: Path, run: StageRun, tmp_path: Path) -> None:
    version = register(network, folder, run, "with-folder")
    artifacts = registry.artifacts_of(f"with-folder/{version}", run.tracking_uri)
    assert artifacts is not None
    kept = model_files(artifacts, "with-folder")
    (kept / "sub").mkdir()
    (kept / "sub" / "other.txt").write_text("not ours")
    out = registry.fetch(f"with-folder/{version}", run.tracking_uri, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["model.json", "params.yaml", "weights.safetensors"]
    (kept / "weights.safetensors").unlink()
    (kept / "weights.safetensors").mkdir()
    with pytest.raises(UserError, match="holds no weights.safetensors and no model.json\nnext: "):
        registry.fetch(f"with-folder/{version}", run.tracking_uri, tmp_path / "again")


def test_a_version_is_known_by_its_weights_and_its_tracker(four: str, folder: Path, run: StageRun) -> None:
    digest = registry.show(f"{four}/1", run.tracking_uri).tags[WEIGHTS_TAG]
    assert registry.find_version(run.tracking_uri, four, Candidate(digest, TRACKER)) == "4"
    for stranger in (Candidate("0" * 64, TRACKER), Candidate(digest, {"iou_limit": 0.8})):
        assert registry.find_version(run.tracking_uri, four, stranger) is None
    assert registry.find_weights(run.tracking_uri, four, digest) == "4"
    assert registry.find_weights(run.tracking_uri, "unheard", digest) is None


def test_a_variant_shares_the_weights_and_is_loaded_with_its_own_options(
    network: nn.Module, folder: Path, run: StageRun, tmp_path: Path
) -> None:
    version = register(network, folder, run, "tuned")
    candidate = replace(registry.candidate_of(folder), tracker={"iou_limit": 0.8})
    variant = register_variant(run, "tuned", version, candidate)
    assert registry.find_version(run.tracking_uri, "tuned", candidate) == variant != version
    one, two = (registry.fetch(f"tuned/{number}", run.tracking_uri, tmp_path / number) for number in (version, variant))
    assert (one / "weights.safetensors").read_bytes() == (two / "weights.safetensors").read_bytes()
    assert [json.loads((path / "model.json").read_text())["options"]["tracker"]["iou_limit"] for path in (one, two)] == [0.9, 0.8]
    stored = {registry.artifacts_of(f"tuned/{number}", run.tracking_uri) for number in (version, variant)}
    for name in ("data/model/weights.safetensors",):
        assert len({(path / name).stat().st_ino for path in stored}) == 1, f"{name} is one file on the disk"
    mlflow.set_tracking_uri(run.tracking_uri)
    assert (
        mlflow.models.get_model_info(f"models:/tuned/{variant}").model_id
        != mlflow.models.get_model_info(f"models:/tuned/{version}").model_id
    )


def test_rollback_gives_the_alias_back_and_keeps_the_version_out(network: nn.Module, folder: Path, run: StageRun) -> None:
    versions = [register(network, folder, run, "back") for _ in range(3)]
    with pytest.raises(UserError, match="not in the registry"):
        champions.rollback("back", run.tracking_uri)
    for version, hota in zip(versions, (60.0, 61.0, 62.0), strict=True):
        promote(run, "back", version, hota)
    was, now = champions.rollback("back", run.tracking_uri)
    assert (was.version, now.version, champion(run, "back")) == ("3", "2", "2")
    assert "taken back" in promote(run, "back", "3", 63.0).reason
    assert champion(run, "back") == "2"
    assert champions.rollback("back", run.tracking_uri)[1].version == "1"
    with pytest.raises(UserError, match="only champion"):
        champions.rollback("back", run.tracking_uri)
    champions.make_champion("back/3", run.tracking_uri)
    assert promote(run, "back", "3", 62.5).moved, "promoted by hand it competes again"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": "c" * 64}, "evaluation data"),
        ({"detections": "public"}, "detections"),
        ({"detections": "file", "boxes": "d" * 64}, "detections and contents of the detections"),
        ({"benchmark": "MOT20"}, "benchmark"),
        ({"classes": ("pedestrian", "cyclist")}, "classes"),
    ],
)
def test_scores_of_other_conditions_are_kept_apart(change: dict[str, Any], named: str) -> None:
    other = replace(DATA, **change)
    assert " and ".join(other.differences(DATA)) == named
    assert other.digest != DATA.digest
    assert replace(DATA, told="other words").digest == DATA.digest
    score = Score(other, {"HOTA": 60.0}, {"run": "r"})
    assert scores({score.key: score.tag, "else": "x"}) == {score.key: score}


@pytest.mark.parametrize("reference", ["four@nobody", "four/77", "nothing@latest"])
def test_an_unknown_model_names_what_there_is(four: str, run: StageRun, reference: str) -> None:
    with pytest.raises(UserError, match=r"four/4 \(.*latest"):
        registry.show(reference, run.tracking_uri)


def test_a_broken_reference_shows_how_to_write_one(run: StageRun) -> None:
    with pytest.raises(UserError, match="outrack@champion"):
        registry.show("just-a-name", run.tracking_uri)


def test_a_folder_without_weights_is_refused(network: nn.Module, run: StageRun, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"weights\.safetensors and model\.json"):
        register(network, tmp_path, run, "empty")
