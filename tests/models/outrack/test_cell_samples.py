"""Which cells are samples of whom, against a plain rule cell by cell, and what they teach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.dense.heads import at_cells
from models.embedding.options import QuasiDenseOptions
from models.embedding.quasi_dense import NOBODY
from models.outrack.cell_samples import cell_samples, own_boxes
from models.outrack.loss import OutrackTask, build_task
from models.outrack.network import build_network
from models.outrack.options import OutrackOptions
from models.outrack.targets import make_targets
from models.outrack.training import needs, samples
from pipeline.contract.clips import Batch, TrainingClip, TrainingFrame
from tests.models.outrack.samples import EMPTY, MOVED, PEOPLE, batch, frame, mixed_batch, small_options
from tests.pipeline.tiny import settings_of

ALL = QuasiDenseOptions(key_samples=10_000, reference_samples=20_000, reference_negatives=10_000.0)
APART = [*PEOPLE[:2], [66, 14, 84, 58]]  # the last two of PEOPLE share a centre cell
HEIGHT, WIDTH = 64 // 4, 96 // 4


def options_of(**changes: Any) -> OutrackOptions:
    return small_options(loss={"reid": "quasi_dense", "quasi_dense": changes})


def truth_of(*frames: TrainingFrame, seed: int = 0) -> dict[str, Tensor]:
    """Targets of the frames of one clip."""
    made = make_targets(TrainingClip(frames, seed=(0, 0, seed, 0)), options_of())
    return {name: torch.from_numpy(values) for name, values in made.items()}


def maps_of(truth: dict[str, Tensor], *, noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """Maps in which the cells around each centre predict its object's box, and all others a box of one cell."""
    count = len(truth["object_cells"])
    size, offset = torch.full((count, 4, HEIGHT, WIDTH), 0.5), torch.full((count, 2, HEIGHT, WIDTH), 0.5)
    random = torch.Generator().manual_seed(1)
    for image in range(count):
        for cell, valid, sides in zip(truth["object_cells"][image], truth["object_valid"][image], truth["size"][image], strict=True):
            if valid:
                y, x = divmod(int(cell), WIDTH)
                size[image, :, max(y - 2, 0) : y + 3, max(x - 1, 0) : x + 2] = sides[:, None, None]
    return size + noise * torch.rand(size.shape, generator=random), offset


def iou(first: list[float], second: list[float]) -> float:
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    areas = [max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0) for box in (first, second)]
    return shared / (sum(areas) - shared) if shared else 0.0


def plain(shown: TrainingFrame, size: Tensor, offset: Tensor, *, learnt: list[int]) -> dict[int, int]:
    """Identity, or nobody, by cell, for cells that are samples."""
    found, boxes = {}, shown.boxes.tolist()
    centres = {int((boxes[k][1] + boxes[k][3]) // 8) * WIDTH + int((boxes[k][0] + boxes[k][2]) // 8): k for k in learnt}
    for cell in range(HEIGHT * WIDTH):
        y, x = divmod(cell, WIDTH)
        (left, top, right, bottom), (dx, dy) = size[:, y, x].tolist(), offset[:, y, x].tolist()
        own = [4 * (x + dx - left), 4 * (y + dy - top), 4 * (x + dx + right), 4 * (y + dy + bottom)]
        if cell in centres:
            own = boxes[centres[cell]]
        overlaps = [iou(own, boxes[k]) for k in learnt]
        best = max(overlaps, default=0.0)
        others = [boxes[k] for k in range(len(boxes)) if k not in learnt]
        elsewhere = any(box[0] < 4 * x + 4 and box[2] > 4 * x and box[1] < 4 * y + 4 and box[3] > 4 * y for box in others)
        if best >= 0.7:
            whose = int(shown.identities[learnt[int(np.argmax(overlaps))]])
            if whose >= 0:
                found[cell] = whose
        elif best < 0.3 and not elsewhere:
            found[cell] = NOBODY
    return found


def chosen(found: Any, image: int) -> dict[int, int]:
    valid = found.valid[image]
    return dict(zip(found.cells[image][valid].tolist(), found.identities[image][valid].tolist(), strict=True))


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_samples_are_those_of_the_plain_rule(noise: float) -> None:
    crowd, ignore = [*PEOPLE, [70, 30, 90, 60]], np.array([False, False, False, True])  # the last one is nobody's absence
    first, second = frame(PEOPLE), replace(frame(crowd, seed=1, ignore=ignore), identities=np.array([0, -1, 2, 3]))
    truth = truth_of(first, second)
    size, offset = maps_of(truth, noise=noise)
    found = cell_samples(size, offset, truth, ALL)
    expected = plain(first, size[0], offset[0], learnt=[0, 1, 2])
    assert chosen(found, 0) == {cell: whose for cell, whose in expected.items() if whose >= 0}
    assert chosen(found, 1) == plain(second, size[1], offset[1], learnt=[0, 1, 2])
    if not noise:
        assert {0, 2, NOBODY} == set(chosen(found, 1).values())
        assert sum(whose == 0 for whose in chosen(found, 0).values()) > 1  # dense: neighbours of the centre too


def test_everybody_known_is_sampled_at_his_centre_before_boxes_are_learnt() -> None:
    truth = truth_of(frame(APART), frame(APART))
    tiny = torch.full((2, 4, HEIGHT, WIDTH), 0.1), torch.zeros(2, 2, HEIGHT, WIDTH)
    found = cell_samples(*tiny, truth, QuasiDenseOptions())
    for image in range(2):
        at = dict(zip(truth["object_cells"][image].tolist(), truth["object_identities"][image].tolist(), strict=True))
        assert {cell: whose for cell, whose in chosen(found, image).items() if whose >= 0} == {c: w for c, w in at.items() if w >= 0}
    assert sum(whose == NOBODY for whose in chosen(found, 1).values()) == 9  # three for each of an object


def test_limits_are_kept_and_shared_among_objects() -> None:
    truth = truth_of(frame(PEOPLE[:2]), frame(PEOPLE[:2]))
    options = QuasiDenseOptions(key_samples=6, reference_samples=8, reference_negatives=0.5)
    found = cell_samples(*maps_of(truth), truth, options)
    counts = [{whose: list(chosen(found, image).values()).count(whose) for whose in (0, 1, NOBODY)} for image in range(2)]
    assert sum(counts[0].values()) == 6
    assert min(counts[0][0], counts[0][1]) >= 2
    assert (counts[0][NOBODY], counts[1][0] + counts[1][1], counts[1][NOBODY]) == (0, 4, 2)


def test_draws_follow_from_the_seed_alone() -> None:
    frames, options = (frame(PEOPLE), frame(MOVED)), QuasiDenseOptions(reference_samples=12)
    first, again, other = (truth_of(*frames, seed=seed) for seed in (1, 1, 2))
    drawn = [cell_samples(*maps_of(truth), truth, options) for truth in (first, again, other)]
    assert chosen(drawn[0], 1) == chosen(drawn[1], 1) != chosen(drawn[2], 1)


def test_own_boxes_are_in_pixels() -> None:
    size, offset = torch.zeros(1, 4, 2, 3), torch.zeros(1, 2, 2, 3)
    size[0, :, 1, 2], offset[0, :, 1, 2] = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.5, 0.25])
    assert own_boxes(size, offset)[0, 5].tolist() == [6.0, -3.0, 22.0, 21.0]


def task_and_batch(shown: Batch | None = None, **changes: Any) -> tuple[OutrackTask, Batch]:
    options = options_of(**changes)
    torch.manual_seed(0)
    return build_task(build_network(options), options, settings_of(id_weight=1.0), 3), shown or mixed_batch(options)


def test_the_loss_is_the_plain_sum_over_samples() -> None:
    """Eq. 5 pair of samples by pair of samples, and Eq. 6, of what the network says in the chosen cells."""
    task, shown = task_and_batch()
    outputs = task.network.eval()(shown.images.flatten(0, 1) / 255)
    truth = {name: values.flatten(0, 1) for name, values in shown.targets.items()}
    found = cell_samples(outputs.size, outputs.offset, truth, task.options.loss.quasi_dense)
    looks = at_cells(outputs.embedding, found.cells).detach().double()
    embed, auxiliary = [], []
    for pair in range(len(shown.images)):
        rows = [(looks[2 * pair, s], int(w)) for s, w in enumerate(found.identities[2 * pair]) if found.valid[2 * pair, s]]
        columns = [(looks[2 * pair + 1, s], int(w)) for s, w in enumerate(found.identities[2 * pair + 1]) if found.valid[2 * pair + 1, s]]
        costs, equal, unequal = [], [], []
        for look, whose in rows:
            same = [float(look @ other) for other, w in columns if w == whose]
            apart = [float(look @ other) for other, w in columns if w != whose]
            cosine = [float(functional.cosine_similarity(look, other, dim=0)) for other, _ in columns]
            equal += [(1 - min(max(c, 0), 1)) ** 2 for c, (_, w) in zip(cosine, columns, strict=True) if w == whose]
            unequal += [min(max(c - 0.1, 0), 1) ** 2 for c, (_, w) in zip(cosine, columns, strict=True) if w != whose]
            if same:
                costs.append(np.log(1 + sum(np.exp(minus - plus) for minus in apart for plus in same)))
        embed.append(np.mean(costs) if costs else 0.0)
        hardest = sorted(unequal, reverse=True)[: 3 * len(equal)]
        auxiliary.append(np.mean([*equal, *hardest]) if equal else 0.0)
    terms = task(shown).terms
    assert embed[0] > 0 < auxiliary[0]
    assert float(terms["reid_embed"]) == pytest.approx(np.mean(embed), rel=1e-4)
    assert float(terms["reid_auxiliary"]) == pytest.approx(np.mean(auxiliary), rel=1e-4)
    assert float(terms["reid"]) == pytest.approx(0.25 * np.mean(embed) + np.mean(auxiliary), rel=1e-4)


@pytest.mark.parametrize(
    "identities",
    [
        pytest.param([-1, -1, -1], id="nobody is known"),
        pytest.param([7, 8, 9], id="nobody is in both frames"),
    ],
)
def test_pairs_without_a_common_identity_teach_the_embedding_nothing(identities: list[int]) -> None:
    options = options_of()
    second = replace(frame(MOVED, seed=1), identities=np.array(identities))
    task, shown = task_and_batch(batch([TrainingClip((frame(PEOPLE), second), video=True)], options))
    losses = task(shown)
    losses.total.backward()
    assert float(losses.terms["reid"]) == 0
    assert (task.network.heads.last["embedding"].weight.grad == 0).all()


def test_gradients_reach_the_embedding_and_not_the_boxes_by_the_embeddings_loss() -> None:
    task, shown = task_and_batch()
    names = ("embedding", "size", "offset")
    network = task.network
    terms = task._reid_terms(network(shown.images.flatten(0, 1) / 255), shown.targets, shown.same_scene)
    grads = torch.autograd.grad(terms["reid"], [network.heads.last[name].weight for name in names], allow_unused=True)
    assert grads[0].abs().sum() > 0
    assert grads[1] is grads[2] is None


def test_a_frame_without_anybody_gives_finite_losses_and_gradients() -> None:
    options = options_of()
    empty = batch([TrainingClip((frame(PEOPLE), frame(EMPTY))), TrainingClip((frame(EMPTY), frame(EMPTY)))], options)
    task, shown = task_and_batch(empty)
    losses = task(shown)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert float(losses.terms["reid"]) == 0
    assert all(torch.isfinite(p.grad).all() for p in task.parameters())


def test_two_steps_give_the_same_bits() -> None:
    found = []
    for _ in range(2):
        task, shown = task_and_batch()
        losses = task(shown)
        losses.total.backward()
        found.append((losses.total.item(), torch.cat([p.grad.flatten() for p in task.parameters()])))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


def test_pairs_are_drawn_for_a_common_identity() -> None:
    settings = settings_of(max_gap=4, negative_ratio=0.25, id_weight=1.0)
    assert samples(options_of(), settings, "finetune").common_identity
    assert needs(options_of()).identities
    plain_samples = samples(small_options(), settings, "finetune")
    assert (plain_samples.common_identity, plain_samples.negatives_per_pair) == (False, 0.25)
    assert not needs(small_options()).identities
