from __future__ import annotations

import os
import shutil
from pathlib import Path

import mlflow
import pytest

from pipeline.errors import UserError
from pipeline.params.roots import home
from pipeline.params.sections.common import Mlflow
from pipeline.registry import address
from pipeline.registry.relocate import relocate
from pipeline.registry.runs import started
from tests.mlflow_store import new_store

SETTINGS = Mlflow(tracking_uri="sqlite:///mlflow.db", experiment="demo", system_metrics=False)


def record(root: Path, name: str = "stage") -> str:
    """A run with an artefact; gives its id."""
    root.mkdir(exist_ok=True)
    (root / "note.txt").write_text(name)
    with started(SETTINGS, root, stage=name, tags={}) as run:
        run.artifact(root / "note.txt")
    return run.run_id


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with one run; its name holds what file addresses and MLflow's queries must quote."""
    root = tmp_path_factory.mktemp("clones") / "Ann's first"
    root.mkdir()
    new_store(root)
    record(root)
    return root


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_copied_clone_is_noticed_before_anything_is_written(original: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(original, tmp_path / "copy")
    before = files(original), files(copy)
    with pytest.raises(UserError, match="Ann's first/mlflow.db and still names that place") as told:
        record(copy)
    (copy / "note.txt").write_bytes(before[1]["note.txt"])
    assert "throughline relocate" in str(told.value)
    assert (files(original), files(copy)) == before


def test_a_relocated_copy_has_the_old_artefacts_and_writes_its_own(original: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(original, tmp_path / "copy")
    before = files(original)
    found = relocate(copy / "mlflow.db")
    assert found is not None
    assert found[0] == original.resolve() / "mlflow.db"
    assert found[1] >= 4, "the experiment's folder and tag, the run's folder and place"
    assert relocate(copy / "mlflow.db") is None
    record(copy, "again")
    store = mlflow.MlflowClient(f"sqlite:///{copy}/mlflow.db")
    (experiment,) = (item for item in store.search_experiments() if item.name == "demo")
    old, new = store.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    for run in (old, new):
        assert Path(store.download_artifacts(run.info.run_id, "note.txt")).read_text() == run.info.run_name
        assert run.data.tags["throughline.place"].endswith(f":{copy}")
    assert files(original) == before


def test_a_moved_store_of_an_older_commit_is_noticed_by_its_folders(original: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(original, tmp_path / "copy")
    store = mlflow.MlflowClient(f"sqlite:///{copy}/mlflow.db")
    (experiment,) = (item for item in store.search_experiments() if item.name == "demo")
    store.delete_experiment_tag(experiment.experiment_id, address.DATABASE)
    assert address.foreign(copy / "mlflow.db") == original.resolve() / "mlflow.db"


def test_a_store_that_nobody_moved_is_used(original: Path) -> None:
    address.check_place(f"sqlite:///{original}/mlflow.db")
    address.check_place(f"sqlite:///{original}/none.db")
    address.check_place("http://server:5000")


def test_the_environment_names_the_store_before_the_parameter_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "TOLD", "http://server:5000")
    assert address.tracking_uri("sqlite:///mlflow.db", tmp_path) == "http://server:5000"
    monkeypatch.setattr(address, "TOLD", "sqlite:///mine.db")
    assert address.tracking_uri("sqlite:///mlflow.db", tmp_path) == f"sqlite:///{tmp_path.resolve()}/mine.db"


def test_choosing_a_store_leaves_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(address.VARIABLE, raising=False)
    address.use(f"sqlite:///{tmp_path}/other.db")
    assert address.VARIABLE not in os.environ
    assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/other.db"


@pytest.mark.parametrize("copy", ["standalone/tmpabc", "tmpabc"])
def test_an_experiment_in_a_folder_of_dvc_records_in_the_repository(tmp_path: Path, copy: str) -> None:
    root = tmp_path / ".dvc" / "tmp" / "exps" / copy
    assert home(root) == tmp_path
    assert home(tmp_path) == tmp_path
    assert address.tracking_uri("sqlite:///mlflow.db", root) == f"sqlite:///{tmp_path.resolve()}/mlflow.db"


def test_relative_stores_are_made_absolute(tmp_path: Path) -> None:
    assert address.absolute_uri("sqlite:///mlflow.db", tmp_path) == f"sqlite:///{tmp_path.resolve()}/mlflow.db"
    assert address.absolute_uri("sqlite:////var/mlflow.db", tmp_path) == "sqlite:////var/mlflow.db"
    assert address.absolute_uri("http://server:5000", tmp_path) == "http://server:5000"


def test_messages_name_what_named_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "TOLD", None)
    assert address.named_by() == "mlflow.tracking_uri"
    monkeypatch.setattr(address, "TOLD", "http://server:5000")
    assert address.named_by() == "MLFLOW_TRACKING_URI"
