"""Training as a stage: what it refuses before work, what it publishes, and, with Ray, what pauses and two workers give."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.artifacts.publication import Manifest, Publication, read_manifest
from pipeline.errors import UserError
from pipeline.feeding.checks import warn_of_small_row_groups
from pipeline.files import model_folder
from pipeline.files.sample_store import SampleStore
from pipeline.numerics.precision import resolved
from pipeline.params.sections.common import Cluster
from pipeline.params.sections.training import Elastic
from pipeline.training import checkpoints
from pipeline.training import fit as training
from pipeline.training.trainer import build_task
from tests.pipeline.tiny import TinyNetwork, feed, write_samples

CLUSTER = Cluster(address="local", num_cpus=2, object_store_mb=100)


def train(folder: Path, samples: Path, start: Path | None = None, **settings: Any) -> Manifest:
    publication = Publication(folder / "out", "finetune", "a" * 64)
    with training.trained(feed(samples, **settings), start, publication=publication, run=None, cluster=CLUSTER, root=folder) as manifest:
        return manifest


def published(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def test_no_epochs_publish_the_initial_network(tmp_path: Path) -> None:
    manifest = train(tmp_path, tmp_path / "no samples", epochs=0)
    assert sorted(manifest.files) == ["history.csv", "model.json", "weights.safetensors"]
    card = model_folder.load_model(tmp_path / "out")
    assert (card.name, card.options, card.width, card.height) == ("tiny", {"channels": 4}, 64, 64)
    assert card.seen is None  # it has learnt from nothing
    network, fresh = TinyNetwork(4), build_task(feed(write_samples(tmp_path / "samples"))).network
    model_folder.load(network, tmp_path / "out" / model_folder.WEIGHTS)
    assert torch.equal(network.heat.weight, fresh.heat.weight)
    assert (tmp_path / "out" / "history.csv").read_text() == "epoch,step,lr,loss\n"


def test_row_groups_that_hold_too_few_frames_for_the_gap_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = SampleStore(write_samples(tmp_path, frames=16))  # row groups of some four rows
    for gap, said in ((3, ""), (10, "finetune: a sample spans up to 10 frames, in 4 row groups")):
        warn_of_small_row_groups("finetune", feed(tmp_path, model={"max_gap": gap}), store)
        assert said in (error := capsys.readouterr().err)
        assert bool(error) == bool(said)


def test_start_weights_are_taken_and_foreign_ones_refused(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    torch.manual_seed(99)
    source = TinyNetwork(4)
    model_folder.save(source, tmp_path / "start.safetensors")
    train(tmp_path, samples, tmp_path / "start.safetensors", epochs=0)
    assert published(tmp_path)["weights.safetensors"] == (tmp_path / "start.safetensors").read_bytes()
    model_folder.save(TinyNetwork(8), tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="another architecture"):
        train(tmp_path, samples, tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"batch_size": 64}, "larger than an epoch of 24"),
        ({"workers": 3}, "cannot be shared by 3 workers"),
        ({"workers": Elastic(min=1, max=3)}, "cannot be shared by 3 workers"),
        ({"mix": {"walkers": 2.0}}, "no data set walkers"),
        ({"mix": {"tiny": 0.0}}, "weight 0"),
    ],
)
def test_impossible_batches_are_refused_before_ray_starts(tmp_path: Path, settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        train(tmp_path, write_samples(tmp_path / "samples"), **settings)


@pytest.mark.parametrize(
    ("resources", "settings", "workers", "use_gpu"),
    [
        ({"CPU": 2.0}, {"workers": 2}, 2, False),
        ({"CPU": 16.0, "GPU": 4.0}, {"workers": 2}, 2, True),
        ({"CPU": 16.0, "GPU": 1.0}, {"workers": 2}, 1, True),  # the same global batch on one GPU
        ({"CPU": 16.0, "GPU": 3.0}, {"workers": 4, "batch_size": 8}, 2, True),
        ({"CPU": 16.0, "GPU": 1.0}, {"workers": 2, "use_gpu": False}, 2, False),
        ({"CPU": 2.0}, {"workers": Elastic(min=2, max=4)}, Elastic(min=2, max=4), False),  # others may join
        ({"CPU": 16.0, "GPU": 1.0}, {"workers": Elastic(min=1, max=4)}, Elastic(min=1, max=4), True),
    ],
)
def test_devices_come_from_ray(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resources: dict[str, float], settings: dict[str, Any], workers: int, use_gpu: bool
) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(cluster_resources=lambda: resources))
    found, gpu = training._devices(feed(tmp_path, **settings).settings, "pretrain")
    assert (found.workers, gpu) == (workers, use_gpu)
    for native in (True, False):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda native=native: {"avx512_bf16": native})
        assert resolved(found.precision, gpu) == ("bfloat16" if use_gpu or native else "float32")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({"use_gpu": True}, "pretrain.use_gpu: 1 workers need"), ({"threads": 3}, "1 workers x 3 threads need 3 CPUs, Ray has 2")],
)
def test_missing_devices_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, Any], complaint: str) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(cluster_resources=lambda: {"CPU": 2.0}))
    with pytest.raises(UserError, match=complaint):
        training._devices(feed(tmp_path, **settings).settings, "pretrain")


@pytest.mark.slow
def test_two_workers_train_like_themselves(tmp_path: Path, ray_local: None) -> None:
    samples = write_samples(tmp_path / "samples")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        train(tmp_path / folder, samples, workers=2)
    assert published(tmp_path / "one") == published(tmp_path / "two")
    history = (tmp_path / "one" / "out" / "history.csv").read_text().splitlines()
    assert history[0] == "epoch,step,lr,loss,detection,likeness"
    assert len(history) == 3
    assert not list((tmp_path / "one" / checkpoints.FOLDER).iterdir()), "a published run leaves no checkpoints"


@pytest.mark.slow
def test_pauses_are_judged_and_change_nothing(tmp_path: Path, ray_local: None) -> None:
    samples = write_samples(tmp_path / "samples")
    train(tmp_path / "whole", samples, epochs=3)
    judged: list[tuple[int, list[str]]] = []
    rungs = training.Rungs((1, 2), lambda folder, epochs: judged.append((epochs, sorted(path.name for path in folder.iterdir()))))
    publication = Publication(tmp_path / "paused" / "out", "finetune", "a" * 64)
    changed = feed(samples, epochs=3)
    with training.trained(changed, None, publication=publication, run=None, cluster=CLUSTER, root=tmp_path / "paused", rungs=rungs):
        pass
    assert judged == [(1, ["model.json", "weights.safetensors"]), (2, ["model.json", "weights.safetensors"])]
    assert published(tmp_path / "paused") == published(tmp_path / "whole")


@pytest.mark.slow
def test_divergence_in_a_worker_reaches_the_user(tmp_path: Path, ray_local: None) -> None:
    with pytest.raises(UserError, match=r"no longer finite in epoch 1\nnext: lower finetune\.lr"):
        train(tmp_path, write_samples(tmp_path / "samples"), lr=1e30, warmup_steps=0, optimiser="adam", clip_norm=None, workers=2)


@pytest.mark.slow
def test_a_finished_run_that_was_not_registered_trains_no_epoch_again(
    tmp_path: Path, ray_local: None, capfd: pytest.CaptureFixture[str]
) -> None:
    samples, weighed = write_samples(tmp_path / "samples"), {"tiny": 2.0}
    publication = Publication(tmp_path / "out", "finetune", "a" * 64)
    with (
        suppress(RuntimeError),
        training.trained(feed(samples, mix=weighed), None, publication=publication, run=None, cluster=CLUSTER, root=tmp_path),
    ):
        raise RuntimeError("the registry is away")
    first = read_manifest(tmp_path / "out")
    assert first.facts["mix"] == {"tiny": 1.0}
    assert train(tmp_path, samples, mix=weighed) == first
    assert capfd.readouterr().err.count("epoch 2/2") <= 1
    assert not list((tmp_path / checkpoints.FOLDER).iterdir())
