"""pretrain and finetune as stages, on OUTrack and a sample set of a few pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.artifacts.publication import Publication, read_manifest
from pipeline.errors import UserError
from pipeline.feeding.loader import Feed
from pipeline.files import model_folder
from pipeline.params import preset
from pipeline.training import fit as training
from pipeline.training.meter import TrainingJob
from pipeline.training.trainer import Trainer, build_task
from stages import Context, check
from stages.finetune import finetune
from stages.pretrain import pretrain
from tests.pipeline.tiny import TinyOptions, write_samples
from tests.pipeline.training.toys import FROZEN


class Run:
    """Stands for the stage's MLflow run: remembers what was read and published."""

    run_id, tracking_uri = "run", "sqlite://"

    def __init__(self) -> None:
        self.inputs, self.outputs = list[str](), list[str]()

    def input(self, manifest: Any, name: str) -> None:
        self.inputs.append(name)

    def output(self, manifest: Any) -> None:
        self.outputs.append(manifest.stage)


def samples(root: Path, *, identity: int = 0) -> Path:
    """data/samples with stills and video under `root`."""
    publication = Publication(root / "data" / "samples", "pack_samples", "b" * 64)
    write_samples(publication.partial / "stills", video=False, identity=identity, size=(128, 96))
    write_samples(publication.partial / "video", identity=identity, size=(128, 96))
    publication.publish()
    return root


def context(root: Path, stage: str, **settings: Any) -> Context:
    (root / "smoke.yaml").write_text(preset.text("smoke"))
    params, options = check(root / "smoke.yaml")
    section = getattr(params, stage).model_copy(update={"epochs": 0, "batch_size": 4} | settings)
    packed = params.pack_samples.model_copy(update={"width": 128, "height": 96})
    run: Any = Run()
    return Context(params.model_copy(update={stage: section, "pack_samples": packed}), options, stage, root, run, "c" * 64)


def test_finetune_starts_from_pretrain_and_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered = list[Any]()
    monkeypatch.setattr(
        "pipeline.registry.registry.register", lambda network, folder, example, **facts: registered.append((folder, example.shape, facts))
    )
    first, second = context(samples(tmp_path), "pretrain"), context(tmp_path, "finetune")
    pretrain(first)
    finetune(second)
    artifacts = tmp_path / "artifacts"
    assert (artifacts / "pretrain" / model_folder.WEIGHTS).read_bytes() == (artifacts / "finetune" / model_folder.WEIGHTS).read_bytes()
    assert read_manifest(artifacts / "finetune").stage == "finetune"
    assert model_folder.load_model(artifacts / "finetune").name == "outrack"
    (folder, shape, facts), *others = registered
    assert not others
    assert (folder, shape, facts["name"]) == (artifacts / "finetune", (1, 3, 96, 128), "outrack")
    assert facts["tags"]["throughline.output"] == read_manifest(artifacts / "finetune").digest
    assert (first.run.inputs, first.run.outputs) == (["samples"], ["pretrain"])  # type: ignore[attr-defined]
    assert (second.run.inputs, second.run.outputs) == (["pretrain", "samples"], ["finetune"])  # type: ignore[attr-defined]


def test_a_frozen_system_passes_its_weights_on_and_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered = list[str]()
    monkeypatch.setattr("stages.load_spec", lambda name: FROZEN)
    monkeypatch.setattr("pipeline.registry.registry.register", lambda *given, **facts: registered.append(facts["name"]))
    torch.manual_seed(4)
    model_folder.save(FROZEN.build_network(TinyOptions()), tmp_path / "given.safetensors")
    samples(tmp_path)
    for stage, work, settings in (
        ("pretrain", pretrain, {"weights": "given.safetensors", "epochs": 3}),
        ("finetune", finetune, {"epochs": 3}),
    ):
        work(replace(context(tmp_path, stage, **settings), options=TinyOptions()))
        published = tmp_path / "artifacts" / stage / model_folder.WEIGHTS
        assert published.read_bytes() == (tmp_path / "given.safetensors").read_bytes()
    assert registered == ["frozen"]


def test_pretrained_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    pretrain(context(samples(tmp_path), "pretrain"))
    wider = context(tmp_path, "finetune")
    network = wider.options.network.model_copy(update={"width": 64})  # type: ignore[attr-defined]
    changed = Context(wider.params, wider.options.model_copy(update={"network": network}), "finetune", tmp_path, wider.run, "d" * 64)
    with pytest.raises(UserError, match="another architecture"):
        finetune(changed)
    assert not (tmp_path / "artifacts" / "finetune").exists()


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="data/samples: not a published folder"):
        pretrain(context(tmp_path, "pretrain"))
    with pytest.raises(UserError, match="artifacts/pretrain: not a published folder"):
        finetune(context(samples(tmp_path), "finetune"))


def test_named_weights_go_before_pretrains(tmp_path: Path) -> None:
    pretrain(context(samples(tmp_path), "pretrain"))
    with pytest.raises(UserError, match=r"nowhere\.pth: no such weights file"):
        finetune(context(tmp_path, "finetune", weights="nowhere.pth"))


@pytest.mark.parametrize(
    ("kind", "reid"),
    [("stills", "utrack"), ("video", "utrack"), ("video", "cycas"), ("video", "none"), ("stills", "classification")],
)
def test_shuffling_identities_changes_no_weight(tmp_path: Path, kind: str, reid: str) -> None:
    plain, shuffled = _trained_twice(tmp_path, kind, reid)
    for one, two in zip(plain.task.state_dict().values(), shuffled.task.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert plain.history == shuffled.history
    assert plain.history[0]["loss"] > 0


def test_classification_alone_learns_who_is_who_in_videos(tmp_path: Path) -> None:
    plain, shuffled = _trained_twice(tmp_path, "video", "classification")
    assert plain.history[0]["reid"] != shuffled.history[0]["reid"] > 0


def _trained_twice(root: Path, kind: str, reid: str) -> list[Trainer]:
    return [_trained(samples(root / str(identity), identity=identity), kind, reid) for identity in (0, 1000)]


def _trained(root: Path, kind: str, reid: str) -> Trainer:
    made = context(root, "finetune", epochs=1, epoch_samples=8)
    raw = made.options.model_dump()
    options = type(made.options).model_validate(raw | {"loss": raw["loss"] | {"reid": reid}})
    feed = Feed(
        made.spec, options, made.params.finetune, root / "data" / "samples" / kind, 1, 128, 96, made.params.pack_samples.depth_stride
    )
    model_folder.save(build_task(feed).network, root / training.INITIAL)
    trainer = Trainer(
        TrainingJob("finetune", "e" * 64, feed, root / training.INITIAL, "float32", None, feed.settings.epochs), torch.device("cpu")
    )
    trainer.run_epoch()
    return trainer
