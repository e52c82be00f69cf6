"""Systems that learn otherwise than OUTrack, through the real trainer: clips, groups, kinds of parameters, frozen parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.artifacts.publication import Manifest, Publication
from pipeline.contract.spec import ModelSpec, SampleFacts
from pipeline.errors import UserError
from pipeline.feeding.checks import check_samples, facts_of
from pipeline.feeding.loader import ClipDataset, Feed, build_loader
from pipeline.files import model_folder
from pipeline.files.sample_store import SampleStore
from pipeline.params.sections.common import Cluster
from pipeline.training import checkpoints, fit
from pipeline.training.meter import TrainingJob
from pipeline.training.trainer import Trainer, build_task
from tests.pipeline.tiny import TinyOptions, feed, write_samples
from tests.pipeline.tiny import sees_identities as tiny_needs  # and depth
from tests.pipeline.training.toys import CLIPS, FROZEN, GROUPS, LONG

CPU = torch.device("cpu")
GROUPED = {"sampling": "groups", "group_frames": 4, "batch_size": 8}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples"), sequences=4, frames=8)


def fed(spec: ModelSpec, samples: Path, stage: str = "finetune", **settings: Any) -> Feed:
    return replace(feed(samples, **settings), spec=spec, stage=stage)


def trainer_of(given: Feed, folder: Path) -> Trainer:
    folder.mkdir(exist_ok=True)
    model_folder.save(build_task(given).network, folder / "initial.safetensors")
    return Trainer(TrainingJob(given.stage, "f" * 64, given, folder / "initial.safetensors", "float32", None, given.settings.epochs), CPU)


def trained(given: Feed, folder: Path) -> Trainer:
    trainer = trainer_of(given, folder)
    while trainer.epochs < given.settings.epochs:
        trainer.run_epoch()
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.task.state_dict().items()}


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, two[name]) for name, tensor in one.items())


def test_a_clip_is_seen_in_one_view_and_a_stage_may_read_stills(samples: Path, tmp_path: Path) -> None:
    given = fed(CLIPS, samples, epochs=3)
    dataset = ClipDataset(given)
    clip = dataset.clip(0, 3)
    assert (len(clip.frames), clip.repeated) == (LONG, (False,) * LONG)
    still = replace(dataset.stored(0), boxes=np.array([[8, 8, 30, 40]] * 3, np.float32))
    dataset.stored = lambda row: still  # type: ignore[method-assign]
    views = dataset.clip(0, 3).frames
    assert all((frame.image == views[0].image).all() and (frame.boxes == views[0].boxes).all() for frame in views), "colours included"
    for stage, frames in (("pretrain", 1), ("finetune", LONG)):
        loader, _ = build_loader(fed(CLIPS, samples, stage), rank=0, workers=1, pin_memory=False)
        batch = next(iter(loader))
        assert batch.images.shape[:2] == batch.targets["cover"].shape == (4, frames)
        assert trained(fed(CLIPS, samples, stage, epochs=1), tmp_path / stage).history[0]["loss"] > 0


def test_the_task_is_told_the_epoch_also_where_a_run_goes_on(samples: Path, tmp_path: Path) -> None:
    given = fed(CLIPS, samples, epochs=3)
    whole = trained(given, tmp_path / "whole")
    assert whole.history[0]["steady"] == 0 < whole.history[1]["steady"]
    broken = trainer_of(given, tmp_path / "broken")
    broken.run_epoch()
    checkpoints.save(tmp_path, broken.state())
    resumed = Trainer(broken.job, CPU)
    resumed.restore(checkpoints.load(tmp_path, broken.job.fingerprint))
    while resumed.epochs < 3:
        resumed.run_epoch()
    assert equal(weights(whole), weights(resumed)), "with the adapter, which only the task holds"
    assert not torch.equal(resumed.task.adapter.weight, build_task(given).adapter.weight)


@pytest.mark.parametrize("processes", [0, 2])
def test_a_batch_holds_whole_groups_seen_alike(samples: Path, processes: int) -> None:
    near = feed(samples).settings.augment.model_copy(update={"partner_min": 0.0, "partner_max": 0.0, "saturation": 0.0, "value": 0.0})
    given = fed(GROUPS, samples, augment=near, loader_processes=processes, **GROUPED)
    loader, _ = build_loader(given, rank=0, workers=1, pin_memory=False)
    assert [len(batch.images) for batch in loader] == [8] * 4, "eight runs of four frames, two in each batch"
    dataset = ClipDataset(given)
    frame = dataset.stored(0)
    dataset.stored = lambda row: frame  # type: ignore[method-assign]
    first, second, other = (dataset.clip(0, sample).frames[0].image for sample in (0, 1, 4))
    assert (first == second).all(), "one draw for a run, of which partner_min and partner_max would move the others a little"
    assert (first != other).mean() > 0.5
    further = ClipDataset(fed(GROUPS, samples, **GROUPED))
    further.stored = dataset.stored  # type: ignore[method-assign]
    assert (further.clip(0, 0).frames[0].image != further.clip(0, 1).frames[0].image).mean() > 0.5


def test_two_groups_of_four_frames_with_three_people_make_36_positive_pairs_of_276(tmp_path: Path, samples: Path) -> None:
    still = {"rotate": 0.0, "translate": 0.0, "scale_min": 1.0, "scale_max": 1.0, "shear": 0.0}  # so that nobody leaves the picture
    quiet = feed(samples).settings.augment.model_copy(update=still)
    history = trained(fed(GROUPS, samples, epochs=1, augment=quiet, **GROUPED), tmp_path).history[0]
    assert (history["positive"], history["pairs"]) == (36.0, 276.0)  # golden value F5 of the reference on FineTrack: 36 and 240 others
    scenes = write_samples(tmp_path / "scenes", sequences=8, frames=1)
    lone = trained(fed(GROUPS, scenes, epochs=1, augment=quiet, batch_size=8), tmp_path).history[0]
    assert (lone["positive"], lone["pairs"]) == (0.0, 276.0)  # likewise: eight frames of eight scenes


def test_groups_are_refused_where_a_system_knows_none_or_needs_others(samples: Path) -> None:
    with pytest.raises(UserError, match=r"finetune\.sampling: model\.name clips .* of 1 frames .*\nnext: set finetune\.sampling to rows"):
        check_samples(fed(CLIPS, samples, sampling="groups"))
    with pytest.raises(UserError, match="in groups of 4 frames"):
        check_samples(fed(GROUPS, samples, sampling="groups", batch_size=6))


def test_a_sequence_too_short_for_a_clip_is_refused_before_work(tmp_path: Path) -> None:
    short = write_samples(tmp_path, sequences=2, frames=3)
    with pytest.raises(UserError, match=r"2 sequences are shorter than the 5 frames .*the shortest has 3"):
        check_samples(fed(CLIPS, short))
    check_samples(fed(CLIPS, short, "pretrain"))


def test_what_repeats_and_what_memory_is_taken_is_said(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_samples(fed(CLIPS, samples, input_size=[1440, 800], batch_size=2, loader_processes=1))
    # a clip of 5 frames of 1440x800 is 17.3 MB; two such, as much again for targets, in two slots
    assert "140 MB of memory in each of 1 workers (2 x 2 samples of 5 frames of 1440x800, 17.3 MB each)" in capsys.readouterr().out
    check_samples(fed(GROUPS, write_samples(tmp_path, sequences=3, frames=3), **GROUPED))
    assert "3 of 3 runs of 4 frames repeat one" in capsys.readouterr().out


def test_a_system_judges_the_samples(samples: Path) -> None:
    def refuse(options: TinyOptions, settings: Any, stage: str, facts: SampleFacts) -> None:
        raise UserError(f"{stage}: {facts.identities} people in {facts.longest} frames, depth {facts.depth}")

    assert GROUPS.training is not None
    picky = replace(GROUPS, training=replace(GROUPS.training, check=refuse, needs=tiny_needs))
    with pytest.raises(UserError, match="finetune: 12 people in 8 frames, depth True"):
        check_samples(fed(picky, samples))
    facts = facts_of(fed(CLIPS, samples), SampleStore(samples))
    assert (facts.identities, facts.depth) == (0, False), "not looked at for who needs neither"


def test_groups_of_parameters_and_frozen_parts_under_sgd(samples: Path, tmp_path: Path) -> None:
    plain = fed(CLIPS, samples, optimiser="sgd", lr=0.1, epochs=2)
    started, after = weights(trainer_of(plain, tmp_path / "plain")), weights(trained(plain, tmp_path / "plain"))
    rates = {group["rate"] for optimiser in trained(plain, tmp_path / "rates").optimisers for group in optimiser.param_groups}
    assert rates == {0.1, 1.0}
    assert not any(torch.equal(started[name], after[name]) for name in ("network.body.0.weight", "network.heat.weight", "adapter.weight"))
    held = weights(trained(fed(CLIPS, samples, optimiser="sgd", lr=0.1, epochs=2, freeze=["body"]), tmp_path / "held"))
    frozen = {name for name in held if torch.equal(held[name], started[name])}
    assert frozen >= {name for name in held if name.startswith("network.body.")}, "its norms included"
    assert not frozen & {"network.heat.weight", "network.embedding.weight", "adapter.weight"}
    with pytest.raises(UserError, match=r"finetune\.freeze: the network has no part bod; it is made of body, heat, embedding"):
        build_task(fed(CLIPS, samples, freeze=["bod"]))
    with pytest.raises(UserError, match="leaves nothing"):
        build_task(fed(CLIPS, samples, freeze=["body", "heat", "embedding"]))


def publish(given: Feed, start: Path | None, folder: Path) -> Manifest:
    publication = Publication(folder / "out", given.stage, "a" * 64)
    cluster = Cluster(address="local", num_cpus=2, object_store_mb=100)
    with fit.trained(given, start, publication=publication, run=None, cluster=cluster, root=folder) as manifest:
        return manifest


def test_a_frozen_system_publishes_the_weights_it_is_given(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(5)
    model_folder.save(FROZEN.build_network(TinyOptions()), tmp_path / "given.safetensors")
    manifest = publish(fed(FROZEN, samples, epochs=4), tmp_path / "given.safetensors", tmp_path)
    assert manifest.facts["epochs"] == 0
    assert (tmp_path / "out" / model_folder.WEIGHTS).read_bytes() == (tmp_path / "given.safetensors").read_bytes()
    assert model_folder.load_model(tmp_path / "out").name == "frozen"
    assert "model.name frozen is never trained; finetune.epochs 4 has no effect" in capsys.readouterr().out
    publish(fed(FROZEN, samples, epochs=0), None, tmp_path / "random")
    assert "no weights are given: a random network is published" in capsys.readouterr().out


@pytest.mark.slow
def test_two_workers_agree_on_what_only_the_task_holds(samples: Path, tmp_path: Path, ray_local: None) -> None:
    states = []

    def keep(folder: Path, fingerprint: str, filesystem: Any = None) -> checkpoints.TrainingState:
        states.append(load(folder, fingerprint, filesystem))
        return states[-1]

    load, given = checkpoints.load, fed(CLIPS, samples, workers=2, epochs=2, optimiser="sgd", freeze=["body"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "load", keep)
        publish(given, None, tmp_path)
    alone = trained(fed(CLIPS, samples, epochs=2, optimiser="sgd", freeze=["body"]), tmp_path / "alone")
    for name, tensor in alone.task.state_dict().items():  # one worker with the same global batch: the same mean of gradients
        torch.testing.assert_close(states[-1].task[name], tensor, rtol=0, atol=1e-4)
    assert not any(name.startswith("adapter") for name in load_file(tmp_path / "out" / model_folder.WEIGHTS))
