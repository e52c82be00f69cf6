"""Which regions teach the embedding, by each of the paper's three ways of matching."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from models.qdtrack.options import LossOptions
from models.qdtrack.samples import Truth, anchor_samples, box_samples, key_regions, reference_regions
from tests.models.qdtrack.samples import small_options

BOXES = torch.tensor([[0.0, 0.0, 20.0, 40.0], [60.0, 0.0, 80.0, 40.0], [120.0, 0.0, 140.0, 40.0]])


def options(**changes: Any) -> LossOptions:
    return small_options(loss=changes).loss


def truth(identities: list[int], ignored: Tensor = BOXES[:0]) -> Truth:
    count = len(identities)
    return Truth(BOXES[:count], torch.zeros(count, dtype=torch.int64), torch.tensor(identities, dtype=torch.int64), ignored)


def proposals() -> Tensor:
    """Two close to each box (IoU 0.9 and 0.82), one halfway (0.43), and 30 over nothing."""
    near = [BOXES + torch.tensor([dx, 0, dx, 0]) for dx in (1.0, 2.0, 8.0)]
    far = torch.tensor([200.0, 100.0, 220.0, 140.0]) + torch.arange(30.0)[:, None]
    return torch.cat([*near, far])


def test_key_samples_are_positive_regions_of_known_people() -> None:
    found = key_regions(proposals(), truth([5, -1, 9]), 1, options())
    assert sorted(found.identities.tolist()) == [5, 5, 5, 9, 9, 9]
    assert found.true.sum() == 2


def test_reference_samples_are_positives_and_three_negatives_each() -> None:
    found = reference_regions(proposals(), truth([5, -1, 9]), 1, options())
    assert sorted(found.identities.tolist()) == [-1] * 18 + [5, 5, 5, 9, 9, 9]
    # neither what shows a stranger nor what lies between the thresholds is among them
    assert (found.boxes[found.identities == -1][:, 0] >= 200).all()


def test_regions_in_ignored_places_are_no_negatives() -> None:
    everywhere = torch.tensor([[190.0, 90.0, 300.0, 300.0]])
    found = reference_regions(proposals(), truth([5, 7, 9], everywhere), 1, options())
    assert (found.identities >= 0).all()
    assert (box_samples(proposals(), truth([5], everywhere), 1, options()).boxes[:, 0] < 190).all()


def test_sparse_samples_are_true_boxes() -> None:
    for choose in (key_regions, reference_regions):
        found = choose(proposals(), truth([5, -1, 9]), 1, options(matching="sparse"))
        assert found.identities.tolist() == [5, 9]
        assert torch.equal(found.boxes, BOXES[[0, 2]])


def test_with_one_positive_all_true_boxes_are_references() -> None:
    found = reference_regions(proposals(), truth([5, 7, 9]), 1, options(matching="one", reference_regions=4))
    assert found.identities[found.true].tolist() == [5, 7, 9]


def test_samples_follow_from_the_seed() -> None:
    few = options(reference_regions=10)
    one, same, other = (reference_regions(proposals(), truth([5, 7, 9]), seed, few).boxes for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_nobody_and_nothing_proposed() -> None:
    nobody, nothing = truth([]), BOXES[:0]
    for choose in (key_regions, reference_regions):
        assert choose(nothing, nobody, 1, options()).boxes.shape == (0, 4)
    assert (reference_regions(proposals(), nobody, 1, options()).identities == -1).all()
    found = box_samples(nothing, nobody, 1, options())
    assert found.goals(nobody).shape == (0, 4)
    assert box_samples(proposals(), nobody, 1, options()).classes(nobody, 1).tolist() == [1] * 39


def test_goals_and_classes_of_samples() -> None:
    found = box_samples(proposals(), truth([5, 7, 9]), 1, options())
    positive = found.objects >= 0
    assert positive.sum() == 9  # the true boxes, and those with an IoU of at least 0.5
    assert torch.equal(found.goals(truth([5, 7, 9]))[positive], BOXES[found.objects[positive]])
    assert found.classes(truth([5, 7, 9]), 1).tolist() == [0] * 9 + [1] * 33


def test_every_object_has_an_anchor() -> None:
    anchors = torch.cat([BOXES + torch.tensor([10.0, 0, 10.0, 0]), BOXES + 300])  # IoU 1/3
    found = anchor_samples(anchors, truth([5, 7, 9]), 1, options())
    assert found.objects.tolist() == [0, 1, 2, -1, -1, -1]
