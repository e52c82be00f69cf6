"""Samples are functions of (seed, epoch, number), whoever makes them, and know no identity."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch

from pipeline.artifacts.store import POINTER, Place, follow
from pipeline.contract.clips import Batch, Needs
from pipeline.errors import UserError
from pipeline.feeding.identities import IdentityNumbers
from pipeline.feeding.loader import ClipDataset, build_loader, collate, mix, read_ahead
from pipeline.files.sample_store import SampleStore
from tests.pipeline.tiny import SIZE, feed, learning, sees_identities, write_samples
from tests.s3 import BUCKET, client


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples"))


def read(folder: Place, *, epoch: int = 0, rank: int = 0, workers: int = 1, **settings: object) -> list[Batch]:
    loader, batches = build_loader(feed(folder, **settings), rank=rank, workers=workers, pin_memory=False)
    batches.epoch = epoch
    return [copied(batch) for batch in loader]


def copied(batch: Batch) -> Batch:
    return Batch(batch.images.clone(), {name: target.clone() for name, target in batch.targets.items()}, batch.same_scene.clone())


def test_batches_have_the_promised_shapes(samples: Path) -> None:
    batches = read(samples)
    assert len(batches) == 6
    assert batches[0].images.shape == (4, 2, 3, SIZE, SIZE)
    assert batches[0].images.dtype == torch.uint8
    assert batches[0].images.flatten(0, 1).is_contiguous(memory_format=torch.channels_last), "no copy on the way to the network"
    assert batches[0].targets["cover"].shape == (4,)
    assert batches[0].same_scene.dtype == torch.bool


def test_processes_and_workers_change_nothing(samples: Path) -> None:
    alone = read(samples, epoch=2)
    other = read(samples, epoch=2, loader_processes=2)
    halves = zip(read(samples, epoch=2, workers=2), read(samples, epoch=2, rank=1, workers=2), strict=True)
    joined = [torch.cat([first.images, second.images]) for first, second in halves]
    for one, two, three in zip(alone, other, joined, strict=True):
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.targets["cover"], two.targets["cover"])
        assert torch.equal(one.images, three)


def test_images_written_where_they_stay_are_those_of_single_samples(samples: Path) -> None:
    given = feed(samples)
    loader, batches = build_loader(given, rank=0, workers=1, pin_memory=False)
    dataset = ClipDataset(given)
    for keys, found in zip(batches, loader, strict=True):
        assert torch.equal(found.images, collate([dataset[key] for key in keys], given.training.trim).images)


def test_processes_work_ahead_by_themselves(samples: Path) -> None:
    loader, _ = build_loader(feed(samples, loader_processes=1), rank=0, workers=1, pin_memory=False)
    found = [(copied(batch), {thread.name for thread in threading.enumerate()}) for batch in read_ahead(loader)]
    assert all(torch.equal(batch.images, same.images) for (batch, _), same in zip(found, read(samples), strict=True))
    assert not any(name.startswith("batches") for _, names in found for name in names)


def test_a_model_trims_the_targets_of_each_batch(samples: Path) -> None:
    plain = feed(samples)
    trimmed = replace(plain, spec=learning(trim=lambda targets: {"cover": targets["cover"][:1] + 1}))
    (whole, _), (cut, _) = (build_loader(item, rank=0, workers=1, pin_memory=False) for item in (plain, trimmed))
    for one, two in zip(whole, cut, strict=True):
        assert torch.equal(two.targets["cover"], one.targets["cover"][:1] + 1)


def test_samples_at_a_url_give_the_same_batches(samples: Path, s3: dict[str, str], tmp_path: Path) -> None:
    files = sorted(path for path in samples.rglob("*") if path.is_file())
    for path in files:
        client(s3).upload_file(str(path), BUCKET, f"samples/{path.relative_to(samples).as_posix()}")
    (tmp_path / POINTER).write_text(json.dumps({"place": f"s3://{BUCKET}/samples"}))
    for settings in ({}, {"loader_processes": 2}):
        there = read(follow(tmp_path), epoch=2, **settings)
        for one, two in zip(read(samples, epoch=2), there, strict=True):
            assert torch.equal(one.images, two.images)
            assert all(torch.equal(one.targets[name], two.targets[name]) for name in one.targets)
    known = [IdentityNumbers(SampleStore(folder)) for folder in (samples, follow(tmp_path))]
    assert known[0].count == known[1].count > 0


def test_the_next_batch_is_made_while_this_one_is_used(samples: Path) -> None:
    made = [Event() for _ in range(3)]
    whole = read(samples)

    def batches() -> Iterator[Batch]:
        for batch, event in zip(whole, made, strict=False):
            event.set()
            yield batch
        raise UserError("the fourth cannot be made")

    ahead = read_ahead(batches())
    assert next(ahead) is whole[0]
    assert made[1].wait(10), "nobody has asked for it yet"
    assert not made[2].is_set()
    assert [next(ahead), next(ahead)] == whole[1:3]
    with pytest.raises(UserError, match="fourth"):
        next(ahead)


def test_reading_ahead_ends_with_the_batches_or_before(samples: Path) -> None:
    whole = read(samples)
    assert [batch is same for batch, same in zip(read_ahead(whole), whole, strict=True)] == [True] * 6
    assert list(read_ahead([])) == []
    first = read_ahead(whole)
    next(first)
    first.close()  # type: ignore[attr-defined]


def test_epochs_differ(samples: Path) -> None:
    assert not torch.equal(read(samples, epoch=0)[0].images, read(samples, epoch=1)[0].images)


def test_identities_reach_only_models_that_may_see_them(samples: Path) -> None:
    hidden = feed(samples)
    shown = replace(hidden, spec=learning(needs=sees_identities))
    for sample in range(8):
        first, partner = ClipDataset(hidden).clip(0, sample).frames
        assert len(first.identities) == len(first.boxes)
        assert {*first.identities, *partner.identities} <= {-1}
    assert set(ClipDataset(shown).clip(0, 0).frames[0].identities) <= set(range(9)), "numbered from 0 over three sequences of three"


def test_depth_is_decoded_only_for_models_that_learn_it(samples: Path) -> None:
    learnt = feed(samples)
    unused = replace(learnt, spec=learning(needs=lambda options: Needs()))
    for sample in range(4):
        for with_depth, without in zip(ClipDataset(learnt).clip(0, sample).frames, ClipDataset(unused).clip(0, sample).frames, strict=True):
            assert with_depth.depth is not None
            assert without.depth is None
            assert np.array_equal(with_depth.image, without.image)


def two_sets(folder: Path) -> Path:
    """16 samples of `tiny` and 8 of `other`."""
    write_samples(folder / "both", sequences=2)
    write_samples(folder / "both", sequences=1, dataset="other")
    return folder / "both"


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"other": 2.0}, {"other": 0.5, "tiny": 0.5}),
        ({"tiny": 0.5, "other": 3.0}, {"other": 0.75, "tiny": 0.25}),
        ({"tiny": 0.0}, {"other": 1.0, "tiny": 0.0}),
    ],
)
def test_data_sets_are_mixed_by_weight(tmp_path: Path, weights: dict[str, float], shares: dict[str, float]) -> None:
    fed = feed(two_sets(tmp_path), mix=weights, epoch_samples=240)
    dataset = ClipDataset(fed)
    mixed = mix(fed, dataset.store)
    assert mixed is not None
    assert mixed.shares == shares
    _, batches = build_loader(fed, rank=0, workers=1, pin_memory=False)
    rows = [sample % 24 for batch in batches for _, sample in batch]
    others = dataset.store.index.dataset[rows] == dataset.store.datasets.index("other")
    assert len(rows) == 240
    assert others.mean() == pytest.approx(shares["other"], abs=0.03)


def test_no_mix_draws_every_row_once(tmp_path: Path) -> None:
    fed = feed(two_sets(tmp_path))
    assert mix(fed, ClipDataset(fed).store) is None
    _, batches = build_loader(fed, rank=0, workers=1, pin_memory=False)
    assert sorted(sample for batch in batches for _, sample in batch) == list(range(24))


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [({"others": 2.0}, "no data set others in .*both; it holds other, tiny"), ({"tiny": 0.0, "other": 0.0}, "has weight 0")],
)
def test_a_mix_that_cannot_be_drawn_is_refused(tmp_path: Path, weights: dict[str, float], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        build_loader(feed(two_sets(tmp_path), mix=weights), rank=0, workers=1, pin_memory=False)


def test_depth_comes_at_its_stride(samples: Path) -> None:
    depth = ClipDataset(feed(samples)).clip(0, 0).frames[0].depth
    assert depth is not None
    assert depth.shape == (SIZE // 4, SIZE // 4)
    assert depth.dtype == np.float32
    assert 8 < depth.max() <= 9.001


def test_a_stage_may_train_on_another_size_than_the_network_is_for(samples: Path) -> None:
    asked = feed(samples, input_size=[96, 32])
    loader, _ = build_loader(asked, rank=0, workers=1, pin_memory=False)
    assert next(iter(loader)).images.shape == (4, 2, 3, 32, 96)
    frame, whole = (ClipDataset(item).clip(0, 0).frames[0] for item in (asked, feed(samples, input_size=None)))
    assert frame.depth is not None
    assert frame.depth.shape == (8, 24)
    assert (asked.width, asked.height) == whole.image.shape[1::-1] == (SIZE, SIZE)  # what the model's card will say


def test_partners_of_a_still_show_the_same_picture_in_two_ways(tmp_path: Path) -> None:
    folder = write_samples(tmp_path, video=False)
    clip = ClipDataset(feed(folder, model={"negative_ratio": 0.0})).clip(0, 5)
    assert clip.same_scene
    assert not clip.video
    first, second = (frame.image.astype(int) for frame in clip.frames)
    assert 2 < np.abs(first - second).mean() < 60


def test_a_corrupt_picture_is_named(samples: Path) -> None:
    dataset = ClipDataset(feed(samples))
    whole = dataset.store.row
    dataset.store.row = lambda row: replace(whole(row), image=b"\xff\xd8broken")  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"tiny/s1 frame 3"):
        dataset.clip(0, 10)


def test_a_missing_sample_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro pack_samples"):
        read(tmp_path / "stills")
