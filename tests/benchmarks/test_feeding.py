"""All ways of feeding make the same samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks import feeding, samples
from pipeline.contract.clips import Batch
from pipeline.feeding.loader import ClipDataset, collate
from pipeline.files.sample_store import COLUMNS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("feeding")
    frames = list(samples.read_sequences(samples.draw_walkers(samples.read_preset("walkers"), made / "walkers", 1, 5)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeding, "EPOCH", 8)
        feeding.prepare(made, "walkers", frames, 2)
    return made


def first(way: str, folder: Path) -> Batch:
    batch = next(feeding.batches(way, folder, 0))
    assert isinstance(batch, Batch)
    return batch


def test_small_files_hold_the_stored_images(folder: Path) -> None:
    ours, peer = (first(way, folder) for way in ("ours", "small"))
    assert ours.images.shape == (4, 2, 3, 256, 448)
    assert torch.equal(ours.images, peer.images)
    assert all(torch.equal(ours.targets[name], peer.targets[name]) for name in ours.targets)


def test_the_data_sets_own_files_show_the_same(folder: Path) -> None:
    ours, peer = (first(way, folder) for way in ("ours", "files"))
    assert (ours.images.float() - peer.images.float()).abs().mean() < 6  # made smaller by another filter
    assert torch.equal(ours.targets["object_valid"].sum(-1), peer.targets["object_valid"].sum(-1))
    torch.testing.assert_close(ours.targets["size"], peer.targets["size"], rtol=0, atol=0.1)


def test_an_actor_of_ray_data_makes_the_same_pairs_of_all_rows_at_once(folder: Path) -> None:
    feed = feeding.read_feed(folder, 0)
    dataset = ClipDataset(feed)
    made = feeding.RayClips(feed)(pq.read_table(folder / "parquet", columns=COLUMNS))
    expected = collate([dataset[0, row] for row in range(10)], dataset.feed.training.trim)
    assert made["images"].shape == (10, 2, 256, 448, 3)
    assert np.array_equal(np.moveaxis(made["images"], -1, 2), expected.images.numpy())
    assert all(np.array_equal(made[name], value.numpy()) for name, value in expected.targets.items())


def test_a_way_says_what_it_took(folder: Path) -> None:
    found = feeding.run("limit", folder, 0)
    assert 0 < found["core"] < 1
    assert 0 < found["seconds"] < 1
    assert found["megabytes"] > 10
