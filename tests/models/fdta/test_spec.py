"""FDTA's spec names what lies in its folder, travels to other processes, and its detections survive a file."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch

from models.fdta.spec import SPEC
from pipeline.observations import Observation, ObservationWriter, read_sequence
from tests.models.fdta.samples import small_options


def test_it_travels_to_loader_processes() -> None:
    assert pickle.loads(pickle.dumps(SPEC)) == SPEC


def test_it_says_what_training_reads() -> None:
    assert SPEC.uses_identities(small_options())
    assert SPEC.uses_depth(small_options())
    assert not SPEC.uses_depth(small_options(depth_attention="off"))
    assert SPEC.decodes_with(small_options()) == ()


def test_queries_survive_a_file_and_give_the_same_tracks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = small_options(tracker={"detection_threshold": 0.005, "birth_threshold": 0.006})
    network = SPEC.build_network(options).eval()
    with torch.no_grad():
        network.detector.detr.class_embed[-1].weight.normal_()
        images = [torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(i)) for i in range(4)]
        found = [SPEC.decode(network, network(image), options)[0].moved(0.5, 2.0, 1.0) for image in images]
    nobody = np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 1), np.float32), np.zeros(0, np.int64)
    with ObservationWriter(tmp_path / "s.parquet", sequence="s", width=96, height=64, frame_rate=25.0) as writer:
        for number, seen in enumerate(found, 1):
            writer.write(Observation(number, seen, *nobody))
    kept = [item.detections for item in read_sequence(tmp_path / "s.parquet", SPEC.detections).frames]
    live, again = (SPEC.build_tracker(options, None, network) for _ in range(2))
    for before, after in zip(found, kept, strict=True):
        assert np.array_equal(before.queries, after.queries)
        one, other = live.update(before), again.update(after)
        assert len(one.identities) > 0
        for name, value in vars(one).items():
            assert np.array_equal(getattr(other, name), value)
