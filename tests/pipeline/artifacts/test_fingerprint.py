"""Which stages an edit makes anew, in a repository with two small systems: the exact list for each kind of edit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.artifacts import code as closure
from pipeline.artifacts import fingerprint
from pipeline.artifacts.publication import Publication
from pipeline.params import file as parameters
from pipeline.params.sections import STAGES, Params
from pipeline.params.sections.common import Cluster
from pipeline.runtime import cluster
from pipeline.runtime.machine import THREADS
from tests.parameters import walkers, write_params
from tests.shared import ROOT

TRAINED = ["pretrain", "finetune"]
SEEN = ["track", "evaluate", "report"]  # evaluation and report read what tracking wrote
SYSTEM = {
    "training.py": "from models.{0}.network import network\nfrom models.{0}.loss import loss",
    "detection.py": "from models.{0}.network import network\nfrom models.{0}.decode import decode",
    "association.py": "from models.{0}.tracker import tracker",
    "pictures.py": "pictures = 1",
    "spec.py": "from models.{0} import association, detection, pictures, training",
    "network.py": "network = 1",
    "loss.py": '"""A loss."""\nfrom models.{0}.matching import matching\nfrom pipeline.kernel import kernel\nloss = 1',
    "matching.py": "matching = 1",
    "decode.py": "decode = 1",
    "tracker.py": "from pipeline.kernel import kernel\ntracker = 1",
}
STAGE_IMPORTS = {"pretrain": "fit", "finetune": "fit", "track": "detector", "evaluate": "scores"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two systems of the same shape, stages that import a file each, and outputs that name the fingerprint that made them."""
    for name in ("one", "two"):
        for file, text in SYSTEM.items():
            write(tmp_path / "models" / name / file, text.format(name))
    for stage in STAGES:
        imported = STAGE_IMPORTS.get(stage)
        write(tmp_path / "stages" / f"{stage}.py", f"from pipeline.{imported} import work" if imported else "")
    for name in ("fit", "detector", "scores", "kernel"):
        write(tmp_path / "pipeline" / f"{name}.py", f"work = kernel = '{name}'")
    shutil.copy(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
    raw = walkers()
    raw["model"]["name"] = "one"
    write_params(tmp_path / "params.yaml", raw)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    yield tmp_path
    forget()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def forget() -> None:
    for cached in (closure.sources, closure.digest, fingerprint.reads, fingerprint._stages):
        cached.cache_clear()


def repro(root: Path, **changes: Any) -> list[str]:
    """Make what is not current, in order, and tell which stages were made. An output's contents are the fingerprint that made it."""
    forget()
    raw = parameters.read(root / "params.yaml")
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = raw
        for part in parents:
            place = place[part]
        assert place[last] != value, "the edit changes something"
        place[last] = value
    params = parameters.validate(Params, raw, where="test")
    made = []
    for stage in STAGES:
        named = fingerprint.fingerprint_of(stage, params, root)
        if not fingerprint.is_current(stage, params, root, named):
            made.append(stage)
            for out in fingerprint.reads(stage).outs:
                publish(root / out, stage, named)
    return made


def publish(out: Path, stage: str, named: str) -> None:
    if out.suffix:
        write(out, json.dumps({"made by": named}))
        return
    publication = Publication(out, stage, named)
    with publication.write("content") as path:
        path.write_text(named)
    publication.publish()


EDITS: dict[str, tuple[str, tuple[str, str], list[str]]] = {
    "loss": ("models/one/loss.py", ("loss = 1", "loss = 2"), [*TRAINED, *SEEN]),
    "a file that the loss imports": ("models/one/matching.py", ("1", "2"), [*TRAINED, *SEEN]),
    "the network": ("models/one/network.py", ("1", "2"), [*TRAINED, *SEEN]),
    "decode": ("models/one/decode.py", ("1", "2"), SEEN),
    "decode, once the loss imports it": ("models/one/decode.py", ("1", "3"), [*TRAINED, *SEEN]),
    "tracker": ("models/one/tracker.py", ("tracker = 1", "tracker = 2"), SEEN),
    "the other system's loss": ("models/two/loss.py", ("loss = 1", "loss = 2"), []),
    "the other system's network": ("models/two/network.py", ("1", "2"), []),
    "a comment": ("models/one/loss.py", ("loss = 1", "loss = 1  # why"), []),
    "a docstring": ("models/one/loss.py", ("A loss.", "Another word for it."), []),
    "a blank line": ("models/one/loss.py", ("loss = 1", "\n\nloss = 1"), []),
    "a shared kernel": ("pipeline/kernel.py", ("'kernel'", "'other'"), [*TRAINED, *SEEN]),
    "the training loop": ("pipeline/fit.py", ("'fit'", "'other'"), [*TRAINED, *SEEN]),
    "the detector's code": ("pipeline/detector.py", ("'detector'", "'other'"), SEEN),
    "the scores' code": ("pipeline/scores.py", ("'scores'", "'other'"), ["evaluate", "report"]),
    "pictures of the report": ("models/one/pictures.py", ("1", "2"), ["report"]),
    "a stage": ("stages/report.py", ("", "page = 1"), ["report"]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_code_makes_these_stages_anew(repository: Path, edit: str) -> None:
    name, (old, new), expected = EDITS[edit]
    if edit.endswith("the loss imports it"):
        with (repository / "models/one/loss.py").open("a") as stream:
            stream.write("\nfrom models.one.decode import decode")
    assert repro(repository) == list(STAGES)
    assert repro(repository) == []
    path = repository / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new) if old else new)
    assert repro(repository) == expected


VALUES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "base.seed": ({"base__seed": 5}, ["render_walkers", "extract_frames", "label_depth", "pack_samples", *TRAINED, *SEEN]),
    "cluster": ({"cluster__object_store_mb": 400}, []),
    "mlflow": ({"mlflow__experiment": "other"}, []),
    "model.network": ({"model__network__width": 8}, [*TRAINED, *SEEN]),
    "model.loss": ({"model__loss__margin": 0.25}, [*TRAINED, *SEEN]),
    "model.tracker": ({"model__tracker__iou_limit": 0.8}, SEEN),
    "model.name": ({"model__name": "two"}, [*TRAINED, *SEEN]),
    "render_walkers": ({"render_walkers__people": 3}, ["render_walkers", "extract_frames", "label_depth", "pack_samples", *TRAINED, *SEEN]),
    "extract_frames": ({"extract_frames__jpeg_quality": 50}, ["extract_frames", "label_depth", "pack_samples", *TRAINED, *SEEN]),
    "label_depth": ({"label_depth__map_size": 99}, ["label_depth", "pack_samples", *TRAINED, *SEEN]),
    "pack_samples": ({"pack_samples__jpeg_quality": 50}, ["pack_samples", *TRAINED, *SEEN]),
    "pretrain": ({"pretrain__epochs": 1}, [*TRAINED, *SEEN]),
    "finetune": ({"finetune__epochs": 1}, ["finetune", *SEEN]),
    "track": ({"track__batch_size": 99}, SEEN),
    "evaluate": ({"evaluate__benchmark": "MOT20"}, ["evaluate", "report"]),
    "report": ({"report__clips": 99}, ["report"]),
    "sweep": ({"sweep__budget": 0.25}, []),
}


@pytest.mark.parametrize("section", VALUES)
def test_another_value_of_a_section_makes_these_stages_anew(repository: Path, section: str) -> None:
    changes, expected = VALUES[section]
    assert repro(repository) == list(STAGES)
    assert repro(repository, **changes) == expected


@pytest.mark.parametrize(
    ("variable", "counts"),
    [
        ("OPENBLAS_CORETYPE", True),
        ("ONEDNN_MAX_CPU_ISA", True),
        ("ONEDNN_DEFAULT_FPMATH_MODE", True),
        ("ATEN_CPU_CAPABILITY", True),
        ("MKL_CBWR", True),
        ("MKL_ENABLE_INSTRUCTIONS", True),
        ("NVIDIA_TF32_OVERRIDE", True),
        ("OMP_NUM_THREADS", False),  # which every stage fixes
        ("OPENBLAS_NUM_THREADS", False),
        ("NUMBA_CACHE_DIR", False),
        ("LANG", False),
    ],
)
def test_variables_that_choose_machine_code_count_as_code(
    repository: Path, monkeypatch: pytest.MonkeyPatch, variable: str, counts: bool
) -> None:
    monkeypatch.delenv(variable, raising=False)
    params = parameters.load(repository / "params.yaml")
    plain = {stage: fingerprint.fingerprint_of(stage, params, repository) for stage in STAGES}
    monkeypatch.setenv(variable, "AVX2")
    changed = [stage for stage in STAGES if fingerprint.fingerprint_of(stage, params, repository) != plain[stage]]
    assert changed == (list(STAGES) if counts else [])
    workers = cluster._init_arguments(Cluster(address="local", num_cpus=1, object_store_mb=100), None)["runtime_env"]["env_vars"]
    assert workers.get(variable) == ("AVX2" if counts else THREADS.get(variable))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "manifest"])
def test_a_damaged_output_is_not_current(repository: Path, damage: str) -> None:
    assert repro(repository) == list(STAGES)
    path = repository / "artifacts/pretrain" / ("manifest.json" if damage == "manifest" else "content")
    if damage == "remove":
        path.unlink()
    elif damage == "flip":
        content = bytearray(path.read_bytes())
        content[3] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(path.read_bytes()[:-9])
    assert repro(repository) == ["pretrain"], "what is made again is the same, so that nothing after it is"


def test_files_that_parameters_name_are_inputs(repository: Path) -> None:
    write(repository / "weights.safetensors", "one")
    assert repro(repository, pretrain__weights="weights.safetensors") == list(STAGES)
    assert repro(repository, pretrain__weights="weights.safetensors") == []
    write(repository / "weights.safetensors", "two")
    assert repro(repository, pretrain__weights="weights.safetensors") == [*TRAINED, *SEEN]
    assert repro(repository, pretrain__weights="weights.safetensors", track__model="models:/one@champion")[-3:] == SEEN
    assert "track" in repro(repository, pretrain__weights="weights.safetensors", track__model="models:/one@champion"), "it may have moved"
