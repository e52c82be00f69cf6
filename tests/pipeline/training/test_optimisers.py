"""What moves which parameter, and that kernels in any order of memory move as PyTorch's Muon moves matrices."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.contract.spec import Group
from pipeline.training.optimisers import KernelMuon, build_optimisers, clip_groups
from tests.pipeline.tiny import TRAINING

MUON = TRAINING.model_copy(update={"optimiser": "muon", "lr": 0.01, "weight_decay": 0.1})


class Task(nn.Module):
    """A convolution, a linear layer, a heat map's last kernel of one row, and a weight of the loss."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.hidden = nn.Conv2d(8, 32, 3)
        self.project = nn.Linear(32, 24)
        self.heat = nn.Conv2d(32, 1, 1)
        self.balance = nn.Parameter(torch.tensor(-1.0))


def gradients(task: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in task.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def moved(task: nn.Module, steps: int = 3) -> dict[str, Tensor]:
    optimisers = build_optimisers(task, MUON)
    for seed in range(steps):
        gradients(task, seed)
        for optimiser in optimisers:
            optimiser.step()
    return {name: parameter.detach().clone() for name, parameter in task.named_parameters()}


def test_muon_takes_kernels_and_adamw_the_rest() -> None:
    task = Task()
    muon, adamw = build_optimisers(task, MUON)
    assert isinstance(muon, KernelMuon)
    assert [tuple(matrix.shape) for matrix in muon.param_groups[0]["params"]] == [(32, 72), (24, 32)]
    rest = {id(parameter): group["weight_decay"] for group in adamw.param_groups for parameter in group["params"]}
    assert rest == {
        id(task.heat.weight): 0.1,
        id(task.hidden.bias): 0.0,
        id(task.project.bias): 0.0,
        id(task.heat.bias): 0.0,
        id(task.balance): 0.0,
    }


def test_kernels_move_as_matrices_under_pytorchs_muon() -> None:
    task = Task()
    matrix = nn.Parameter(task.hidden.weight.detach().flatten(1).clone())
    plain = torch.optim.Muon([matrix], lr=0.01, weight_decay=0.1, ns_steps=3, adjust_lr_fn="match_rms_adamw")
    after = moved(task)
    for seed in range(3):
        gradients(twin := Task(), seed)
        assert twin.hidden.weight.grad is not None
        matrix.grad = twin.hidden.weight.grad.flatten(1)
        plain.step()
    torch.testing.assert_close(after["hidden.weight"].flatten(1), matrix.detach(), rtol=0, atol=0)


def test_the_order_of_memory_makes_no_difference() -> None:
    contiguous, channels_last = moved(Task()), moved(Task().to(memory_format=torch.channels_last))
    assert contiguous.keys() == channels_last.keys()
    for name, expected in contiguous.items():
        torch.testing.assert_close(channels_last[name], expected, rtol=0, atol=3e-4)  # products of columns in another order, in bfloat16
    assert (contiguous["hidden.weight"] - Task().hidden.weight).abs().mean() > 0.002


def test_an_update_is_as_large_as_adamws_in_all_directions() -> None:
    task = Task()
    before = task.project.weight.detach().clone()
    optimiser = KernelMuon([task.project.weight], lr=0.01, weight_decay=0.0)
    gradients(task, 0)
    optimiser.step()
    singular = torch.linalg.svdvals(task.project.weight.detach() - before) / (0.01 * 0.2 * 32**0.5)
    assert singular.max() < 1.3
    assert singular.median() > 0.6


def test_what_has_no_gradient_stays() -> None:
    task = Task()
    before = task.hidden.weight.detach().clone()
    muon, _ = build_optimisers(task, MUON)
    gradients(task, 0)
    task.hidden.weight.grad = None
    muon.step()
    assert torch.equal(task.hidden.weight, before)
    assert not torch.equal(task.project.weight, Task().project.weight)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_one_optimiser_takes_everything_otherwise(name: str) -> None:
    task = Task()
    (optimiser,) = build_optimisers(task, MUON.model_copy(update={"optimiser": name}))
    assert type(optimiser).__name__.lower() == name
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(list(task.parameters()))


def test_a_task_without_matrices_is_adamws() -> None:
    (optimiser,) = build_optimisers(nn.Conv2d(1, 4, 3), MUON)
    assert isinstance(optimiser, torch.optim.AdamW)


def by_name(name: str) -> Group:
    """The convolution slowly and without decay, the projection decayed whole, the weight of the loss never clipped."""
    if name.startswith("hidden"):
        return Group(rate=0.1, decay=0.0, clip="hidden")
    return Group(decays_vectors=True) if name.startswith("project") else Group(clip=None if name == "balance" else "all")


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_groups_have_rates_and_decays_of_their_own(name: str) -> None:
    task = Task()
    names = {id(parameter): name for name, parameter in task.named_parameters()}
    shapes = {tuple(parameter.flatten(1).shape): name for name, parameter in task.named_parameters() if parameter.ndim > 1}  # Muon's own
    found = {}
    for optimiser in build_optimisers(task, MUON.model_copy(update={"optimiser": name}), by_name):
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                key = names.get(id(parameter)) or shapes[tuple(parameter.shape)]
                found[key] = (group["rate"], pytest.approx(group["lr"] / 0.01), group["weight_decay"])
    slow, whole, plain = (0.1, 0.1, 0.0), (1.0, 1.0, 0.1), (1.0, 1.0, 0.0)
    assert found == {
        "hidden.weight": slow, "hidden.bias": slow, "project.weight": whole, "project.bias": whole,
        "heat.weight": whole, "heat.bias": plain, "balance": plain,
    }  # fmt: skip


def test_sgd_has_momentum() -> None:
    task = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(task.weight)
    (optimiser,) = build_optimisers(task, MUON.model_copy(update={"optimiser": "sgd", "momentum": 0.5, "lr": 0.1, "weight_decay": 0.0}))
    for _ in range(3):
        task.weight.grad = torch.ones(1, 1)
        optimiser.step()
    assert task.weight.item() == pytest.approx(-0.1 * (1 + 1.5 + 1.75))


def test_parameters_are_clipped_by_their_words() -> None:
    task = Task()
    names = {id(parameter): name for name, parameter in task.named_parameters()}
    clipped = [[names[id(parameter)] for parameter in group] for group in clip_groups(task, by_name)]
    assert clipped == [["hidden.weight", "hidden.bias"], ["project.weight", "project.bias", "heat.weight", "heat.bias"]]
    assert [len(group) for group in clip_groups(task)] == [7]


def test_what_is_frozen_is_nobodys() -> None:
    task = Task()
    task.hidden.requires_grad_(False)
    (optimiser,) = build_optimisers(task, MUON.model_copy(update={"optimiser": "sgd"}))
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 5
