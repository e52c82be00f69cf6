"""Real MOT17 pairs: the peer shows the same pictures with the same objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import pairs, samples
from models import load
from pipeline.feeding.loader import ClipDataset, build_feed
from tests.shared import dataset


def test_the_released_order_of_steps_gives_the_same_pictures_and_objects(tmp_path: Path) -> None:
    sequence = dataset(samples.MINI) / "train" / "MOT17-09-FRCNN"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / sequence.name).symlink_to(sequence)
    frames = list(samples.read_sequences(tmp_path / "data"))
    assert len(frames) == 4
    params, options = samples.read_preset("mot17"), samples.read_options("mot17")
    samples.write_samples(tmp_path / "video", params, iter(frames))
    clips = ClipDataset(build_feed(params, options, load("outrack"), "finetune", tmp_path))
    for sample in range(4):
        ours, theirs = clips[0, sample], pairs.full_size(frames, sample, clips, options)
        assert np.abs(np.stack(ours.images).astype(int) - theirs[0]).mean() < 4  # the padding and the filter differ by fractions of a pixel
        assert (ours.targets["object_valid"] == theirs[1]["object_valid"]).all()
        assert np.abs(ours.targets["size"] - theirs[1]["size"]).max() < 1


def test_samples_carry_depth_that_falls_towards_the_lower_edge(tmp_path: Path) -> None:
    params = samples.read_preset("walkers")
    frames = samples.read_sequences(samples.draw_walkers(params, tmp_path / "walkers", 1, 2))
    samples.write_samples(tmp_path / "video", params, frames)
    options = samples.read_options("walkers")
    frame = ClipDataset(build_feed(params, options, load("outrack"), "finetune", tmp_path)).stored(0)
    assert frame.image.shape == (252, 448, 3)
    assert frame.depth is not None
    assert (np.diff(frame.depth[:, 0]) <= 0).all()
    assert frame.depth.min() == pytest.approx(samples.NEAR, abs=1)
    assert frame.depth.max() == pytest.approx(samples.FAR, abs=1)
