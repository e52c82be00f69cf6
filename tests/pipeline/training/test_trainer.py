"""The training loop without Ray: repeatable, resumable, blind to identities."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from pipeline.contract.clips import Batch, Losses
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.training import checkpoints
from pipeline.training.keeper import Keeper
from pipeline.training.meter import TrainingJob
from pipeline.training.trainer import Trainer, build_task, learning_rate, take_average
from tests.pipeline.tiny import TRAINING, TinyOptions, TinyTask, feed, learning, sees_identities, write_samples

CPU = torch.device("cpu")


def job(tmp_path: Path, samples: Path, channels: int = 4, **settings: Any) -> TrainingJob:
    made = replace(feed(samples, **settings), options=TinyOptions(channels=channels))
    model_folder.save(build_task(made).network, tmp_path / "initial.safetensors")
    return TrainingJob("finetune", "f" * 64, made, tmp_path / "initial.safetensors", "float32", None, made.settings.epochs)


def trained(tmp_path: Path, samples: Path, **settings: Any) -> Trainer:
    trainer = Trainer(job(tmp_path, samples, **settings), CPU)
    for _ in range(trainer.settings.epochs):
        trainer.run_epoch()
    return trainer


def same(one: Trainer, two: Trainer) -> bool:
    first, second = one.state(), two.state()
    pairs = [
        *zip(first.task.values(), second.task.values(), strict=True),
        *zip(first.average.values(), second.average.values(), strict=True),
    ]
    return all(torch.equal(*pair) for pair in pairs)


def test_training_learns_and_repeats_to_the_bit(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    first, second = trained(tmp_path, samples, epochs=6), trained(tmp_path, samples, epochs=6)
    assert same(first, second)
    assert first.history == second.history
    assert first.history[-1]["loss"] < first.history[0]["loss"]
    assert list(first.history[0]) == ["epoch", "step", "lr", "loss", "detection", "likeness"]
    assert first.history[-1]["step"] == 36


def test_the_average_of_the_weights_follows_them_and_changes_no_step(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    plain, made = trained(tmp_path, samples, epochs=1), Trainer(job(tmp_path, samples, epochs=1, average=0.75), CPU)
    step, passed = made._step, list[torch.Tensor]()

    def watched(batch: Batch, number: int) -> Losses:
        losses = step(batch, number)
        passed.append(made.task.network.heat.weight.detach().clone())
        return losses

    made._step = watched  # type: ignore[method-assign]
    made.run_epoch()
    expected = passed[0]  # the first step's weights begin it
    for weights in passed[1:]:
        expected = 0.75 * expected + 0.25 * weights
    assert made.average is not None
    torch.testing.assert_close(made.average.module.heat.weight, expected)
    assert plain.average is None
    assert torch.equal(plain.task.network.heat.weight, made.task.network.heat.weight)
    network = build_task(made.job.feed).network
    take_average(network, made.state())
    assert torch.equal(network.heat.weight, made.average.module.heat.weight)
    take_average(network, plain.state())  # there is none to take
    assert torch.equal(network.heat.weight, made.average.module.heat.weight)
    assert ("average" in made.settings.model_dump()) > ("average" in plain.settings.model_dump()), "none has the digests of before"


def test_algorithms_are_deterministic_unless_the_user_gives_that_up(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    for wanted in (False, True):  # the default last, which other tests of this process rely on
        made = Trainer(job(tmp_path, samples, deterministic=wanted), CPU)
        assert torch.are_deterministic_algorithms_enabled() is wanted
        assert torch.backends.cudnn.benchmark is not wanted
        assert ("deterministic" in made.settings.model_dump()) is not wanted, "the default has the digests of before"


def test_loader_processes_change_nothing(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    assert same(trained(tmp_path, samples, epochs=3), trained(tmp_path, samples, epochs=3, loader_processes=2))


def test_no_weight_depends_on_identities(tmp_path: Path) -> None:
    plain = trained(tmp_path, write_samples(tmp_path / "plain"))
    shuffled = trained(tmp_path, write_samples(tmp_path / "shuffled", identity=500))
    assert same(plain, shuffled)


def test_a_model_that_learns_from_identities_needs_some(tmp_path: Path) -> None:
    hidden = feed(write_samples(tmp_path / "samples", named=False))
    shown = replace(hidden, spec=learning(needs=sees_identities))
    build_task(hidden)
    with pytest.raises(UserError, match=r"samples: names no person, but model\.name tiny .*learns from identities"):
        build_task(shown)
    build_task(replace(shown, folder=tmp_path / "nothing", settings=shown.settings.model_copy(update={"epochs": 0})))


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path, optimiser: str) -> None:
    samples = write_samples(tmp_path / "samples")
    whole = trained(tmp_path, samples, channels=16, epochs=3, optimiser=optimiser)
    assert len(whole.optimisers) == (2 if optimiser == "muon" else 1)
    broken = Trainer(job(tmp_path, samples, channels=16, epochs=3, optimiser=optimiser), CPU)
    broken.run_epoch()
    checkpoints.save(tmp_path, broken.state())
    resumed = Trainer(broken.job, CPU)
    resumed.restore(checkpoints.load(tmp_path, broken.job.fingerprint))
    while resumed.epochs < 3:
        resumed.run_epoch()
    assert same(whole, resumed)
    assert whole.history == resumed.history


class Noisy(TinyTask):
    """Draws from PyTorch's generator in every step."""

    def forward(self, batch: Batch) -> Losses:
        losses = super().forward(batch)
        return losses._replace(total=losses.total * (1 + torch.rand(())))


class Eager(Keeper):
    """Keeps every state, and waits until it is written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 0.0, device=CPU)

    def keep(self, state: checkpoints.TrainingState) -> None:
        """Write it now."""
        super().keep(state)
        self.close()


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({}, 8),  # the second of the second epoch of six steps
        ({"optimiser": "muon"}, 5),  # the last of the first
        ({"loader_processes": 2}, 10),
        ({"sampling": "rows", "epoch_samples": 30}, 6),  # the last before the second of seven
        ({"mix": {"tiny": 2.0}}, 1),
        ({"average": 0.9}, 8),
    ],
)
def test_a_run_that_is_killed_at_any_step_ends_like_an_undisturbed_one(tmp_path: Path, settings: dict[str, Any], step: int) -> None:
    made = job(tmp_path, write_samples(tmp_path / "samples"), channels=16, epochs=3, **settings)
    made = replace(made, feed=replace(made.feed, spec=learning(build_task=Noisy)))
    whole = Trainer(made, CPU)
    while whole.epochs < 3:
        whole.run_epoch()
    killed = Trainer(made, CPU, keeper=Eager(tmp_path))
    train, steps = killed._step, itertools.count()

    def until_the_end(batch: Batch, number: int) -> Losses:
        if next(steps) == step:
            raise Killed
        return train(batch, number)

    killed._step = until_the_end  # type: ignore[method-assign]
    with pytest.raises(Killed):
        while True:
            killed.run_epoch()
    torch.rand(100)  # a new process's generator is in another state
    resumed = Trainer(made, CPU)
    before = checkpoints.furthest(None, tmp_path, made.fingerprint)
    assert before is not None
    assert (before.epochs, before.step) == divmod(step, len(killed.batches))
    resumed.restore(before)
    while resumed.epochs < 3:
        resumed.run_epoch()
    assert same(whole, resumed)
    assert whole.history == resumed.history


def test_the_further_state_is_gone_on_with_and_an_unreadable_one_counts_as_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = job(tmp_path, write_samples(tmp_path / "samples"), epochs=2)
    trainer = Trainer(made, CPU, keeper=Eager(tmp_path))
    trainer.run_epoch()
    after = trainer.state()
    kept = checkpoints.furthest(None, tmp_path, made.fingerprint)
    assert kept is not None
    assert (kept.epochs, kept.step) == (0, 5)
    assert checkpoints.furthest(after, tmp_path, made.fingerprint) is after
    assert checkpoints.furthest(None, tmp_path, "0" * 64) is None
    (tmp_path / checkpoints.STEP_FILE).write_bytes(b"half")
    assert checkpoints.furthest(after, tmp_path, made.fingerprint) is after
    assert "step.pt: not readable" in capsys.readouterr().err
    assert checkpoints.furthest(None, tmp_path / "none", made.fingerprint) is None


def test_states_are_kept_by_the_clock_and_never_two_at_a_time(tmp_path: Path) -> None:
    now = [0.0]
    keeper = Keeper(tmp_path, 60.0, device=CPU, clock=lambda: now[0])
    due = []
    for _ in range(200):
        now[0] += 1.0
        due.append(keeper.is_due())
        if due[-1]:
            keeper.keep(checkpoints.TrainingState("f", 0, {"w": torch.ones(2)}, [], [], step=len(due)))
            keeper.close()
    kept = [number for number, each in enumerate(due) if each]
    assert len(kept) == 3
    assert all(60 <= second - first <= 62 for first, second in zip([-1, *kept], kept, strict=False))
    found = checkpoints.furthest(None, tmp_path, "f")
    assert found is not None
    assert found.step == kept[-1] + 1


def test_another_runs_checkpoint_is_refused(tmp_path: Path) -> None:
    trainer = Trainer(job(tmp_path, write_samples(tmp_path / "samples")), CPU)
    checkpoints.save(tmp_path, trainer.state())
    with pytest.raises(UserError, match="belongs to another run"):
        checkpoints.load(tmp_path, "0" * 64)
    (tmp_path / checkpoints.FILE).write_bytes(b"half")
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UserError, match="not a readable checkpoint"):
            checkpoints.load(folder, "f" * 64)


def test_a_checkpoint_is_read_from_any_filesystem(tmp_path: Path) -> None:
    trainer = trained(tmp_path, write_samples(tmp_path / "samples"), epochs=1)
    (tmp_path / "kept").mkdir()
    checkpoints.save(tmp_path / "kept", trainer.state())
    found = checkpoints.load("kept", trainer.job.fingerprint, SubTreeFileSystem(str(tmp_path), LocalFileSystem()))
    assert (found.epochs, found.history) == (1, trainer.history)
    assert all(torch.equal(value, trainer.task.state_dict()[name]) for name, value in found.task.items())


def test_a_run_is_not_trained_twice_at_once(tmp_path: Path) -> None:
    folder = checkpoints.run_folder(tmp_path, "pretrain", "ab" * 32)
    assert folder.name == "pretrain-abababababababab"
    with checkpoints.exclusive(folder), pytest.raises(UserError, match="another process"), checkpoints.exclusive(folder):
        pass
    with checkpoints.exclusive(folder):
        pass


def test_divergence_is_a_plain_error(tmp_path: Path) -> None:
    samples = write_samples(tmp_path / "samples")
    with pytest.raises(UserError, match=r"no longer finite in epoch 1\nnext: lower finetune\.lr"):
        trained(tmp_path, samples, lr=1e30, warmup_steps=0, optimiser="adam", clip_norm=None)


def test_the_loss_has_its_own_parameters_in_the_optimiser(tmp_path: Path) -> None:
    trainer = trained(tmp_path, write_samples(tmp_path / "samples"))
    assert trainer.task.balance.item() != 0.0
    decayed = {parameter.ndim for group in trainer.optimisers[0].param_groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed == {4}


def test_bfloat16_trains_on_the_cpu_too(tmp_path: Path) -> None:
    trainer = Trainer(replace(job(tmp_path, write_samples(tmp_path / "samples")), precision="bfloat16"), CPU)
    trainer.run_epoch()
    assert trainer.task.network.heat.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("step", "epoch", "expected"), [(0, 0, 0.1), (4, 0, 0.5), (9, 0, 1.0), (50, 19, 1.0), (60, 20, 0.1), (90, 50, 0.01)]
)
def test_learning_rate(step: int, epoch: int, expected: float) -> None:
    settings = TRAINING.model_copy(update={"lr": 1.0, "warmup_steps": 9, "lr_drop_epochs": [20, 50], "lr_drop_factor": 0.1})
    assert learning_rate(settings, step, epoch) == pytest.approx(expected)
