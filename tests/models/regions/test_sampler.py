"""Which boxes teach: counts, shares and the promise that all that is drawn follows from the seed."""

from __future__ import annotations

import torch

from models.regions.matcher import BACKGROUND, IGNORED
from models.regions.sampler import _mixed, plain_keys, random_keys, sample


def keys(count: int, seed: int = 1) -> torch.Tensor:
    return random_keys(seed, 0, count)


def test_keys_follow_from_seed_and_stream_and_never_tie() -> None:
    first = random_keys(3, 0, 50_000)
    assert torch.equal(first, random_keys(3, 0, 50_000))
    assert len(first.unique()) == 50_000
    for other in (random_keys(4, 0, 50_000), random_keys(3, 1, 50_000), random_keys(3 + 2**40, 0, 50_000)):
        assert not torch.equal(first.argsort()[:10], other.argsort()[:10])
    # every thousandth part of the places is drawn about as often: mean place of the least thousand keys, 50,000 / sqrt(12 * 1,000) apart
    places = first.argsort()[:1000].double().mean()
    assert abs(places - 25_000) < 4 * 50_000 / (12 * 1000) ** 0.5


def test_keys_are_the_same_on_every_device() -> None:
    words = torch.tensor([(5 + 7 * 2**32) & 0xFFFFFFFF, 7, 3])
    assert torch.equal(random_keys(5 + 7 * 2**32, 3, 1000), plain_keys(_mixed(words), 1000))


def test_half_are_positive_and_background_fills_up() -> None:
    matched = torch.cat([torch.zeros(300), torch.full((500,), BACKGROUND), torch.full((50,), IGNORED)]).long()
    found = sample(matched, keys(850), count=256, positive_share=0.5)
    assert (len(found.positives), len(found.negatives)) == (128, 128)
    assert (matched[found.positives] == 0).all()
    assert (matched[found.negatives] == BACKGROUND).all()
    few = sample(matched[200:], keys(650), count=256, positive_share=0.5)
    assert (len(few.positives), len(few.negatives)) == (100, 156)


def test_negatives_are_limited_for_each_positive() -> None:
    matched = torch.cat([torch.zeros(5), torch.full((500,), BACKGROUND)]).long()
    assert len(sample(matched, keys(505), count=256, positive_share=0.5, negatives_per_positive=3).negatives) == 15
    assert len(sample(matched[5:], keys(500), count=256, positive_share=0.5, negatives_per_positive=3).negatives) == 3


def test_objects_share_the_positives_equally() -> None:
    # one object has a hundred regions, two have ten each: 10 + 10 + the rest
    matched = torch.cat([torch.zeros(100), torch.ones(10), torch.full((10,), 2)]).long()
    found = sample(matched, keys(120), count=36, positive_share=1.0, balanced_positives=True)
    assert torch.bincount(matched[found.positives]).tolist() == [16, 10, 10]
    plain = sample(matched, keys(120), count=36, positive_share=1.0)
    assert torch.bincount(matched[plain.positives])[0] > 20


def test_negatives_are_drawn_from_bins_over_their_own_overlap() -> None:
    # 900 below 0.1, 60 between 0.1 and 0.2, 40 up to 0.3: at random the last would be 4 of 100
    overlaps = torch.cat([torch.linspace(0, 0.099, 900), torch.linspace(0.101, 0.199, 60), torch.linspace(0.201, 0.3, 40)])
    matched = torch.full((1000,), BACKGROUND)
    found = sample(matched, keys(1000), count=90, positive_share=0.5, negative_overlaps=overlaps)
    assert len(found.negatives) == len(found.negatives.unique()) == 90
    assert torch.histc(overlaps[found.negatives], 3, 0, 0.3).tolist() == [30, 30, 30]
    # bins that hold too few are filled up at random
    more = sample(matched, keys(1000), count=600, positive_share=0.5, negative_overlaps=overlaps)
    assert torch.histc(overlaps[more.negatives], 3, 0, 0.3).tolist() == [500, 60, 40]


def test_overlaps_of_zero_alone_are_one_bin() -> None:
    found = sample(torch.full((50,), BACKGROUND), keys(50), count=20, positive_share=0.5, negative_overlaps=torch.zeros(50))
    assert len(found.negatives) == 20
