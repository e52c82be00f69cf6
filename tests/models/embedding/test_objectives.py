"""What all objectives share: networks that fit each other, and, but for one, embeddings that get better."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.embedding import objectives
from models.embedding.objectives import OBJECTIVES
from models.outrack.loss import build_task
from models.outrack.network import build_network
from pipeline.files import model_folder
from pipeline.scoring.reid import retrieval
from tests.models.outrack.samples import mixed_batch, small_options
from tests.pipeline.tiny import settings_of

PEOPLE, TRAITS, NUISANCE, DIMENSIONS = 6, 6, 10, 8


@pytest.mark.parametrize("trained", OBJECTIVES)
def test_weights_serve_every_other_objective(trained: str, tmp_path: Path) -> None:
    options = small_options(loss={"reid": trained})
    task = build_task(build_network(options), options, settings_of(), 3)
    task(mixed_batch(options)).total.backward()
    torch.optim.SGD(task.parameters(), lr=1e-3).step()
    model_folder.save(task.network, tmp_path / "weights.safetensors")
    for other in OBJECTIVES:
        network = build_network(small_options(loss={"reid": other}))
        report = model_folder.load(network, tmp_path / "weights.safetensors")
        assert (report.share, report.unexpected) == (1.0, ())
        assert all(torch.equal(x, y) for x, y in zip(network.parameters(), task.network.parameters(), strict=True))


def seen(traits: Tensor, frames: int, random: torch.Generator) -> Tensor:
    """(frames, PEOPLE, TRAITS + NUISANCE): what a person is like, drowned in what he looks like at the moment."""
    lasting = traits + 0.05 * torch.randn(frames, PEOPLE, TRAITS, generator=random)
    return torch.cat([lasting, 1.5 * torch.randn(frames, PEOPLE, NUISANCE, generator=random)], 2)


def rank_one(embed: nn.Module, looks: Tensor) -> float:
    frames, people = np.repeat(np.arange(len(looks)), PEOPLE), np.tile(np.arange(PEOPLE), len(looks))
    with torch.no_grad():
        return retrieval(people, frames, embed(looks).flatten(0, 1).numpy()).R1


@pytest.mark.parametrize("reid", [name for name in OBJECTIVES if name != "none"])
def test_training_raises_rank_one(reid: str) -> None:
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    traits = torch.randn(PEOPLE, TRAITS, generator=random)
    training, held_out = seen(traits, 40, random), seen(traits, 40, random)
    embed = nn.Linear(TRAITS + NUISANCE, DIMENSIONS)
    objective = objectives.build(small_options(loss={"reid": reid}).loss, DIMENSIONS, PEOPLE)
    optimiser = torch.optim.Adam([*embed.parameters(), *objective.parameters()], lr=0.01)
    before = rank_one(embed, held_out)
    valid, same = torch.ones(8, 2, PEOPLE, dtype=torch.bool), torch.ones(8, dtype=torch.bool)
    identities = torch.arange(PEOPLE).expand(8, 2, -1)
    for _ in range(200):
        pairs = training[torch.randint(len(training), (8, 2), generator=random)]
        loss = objective(embed(pairs), valid, same, identities)["reid"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert before < 50
    assert rank_one(embed, held_out) > 95
