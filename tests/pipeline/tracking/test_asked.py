"""Trackers that ask a network: the part they ask is loaded alone, sequences share its passes, and another network is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from pipeline.artifacts.publication import file_digest
from pipeline.contract.detections import Detections
from pipeline.contract.spec import Association, ModelSpec
from pipeline.contract.tracks import Tracks, Video
from pipeline.errors import UserError
from pipeline.files.model_folder import WEIGHTS
from pipeline.files.observations import ObservationWriter, ObservedSequence
from pipeline.tracking.asked import load_asked
from pipeline.tracking.association import Follower, ResultRows, associate_all, load, retrack
from tests.pipeline import seen
from tests.pipeline.files.test_observations import FACTS, observation

LENGTHS = {"a": 3, "b": 5, "c": 1}
passes: list[int] = []  # questions of each pass of the network


class ScoreTracker:
    """Gives identities by rank to detections whose score, as the network weighs it, exceeds 1; counts the others."""

    def __init__(self, options: seen.Options, video: Video) -> None:
        self.counts = {"refused": 0}

    def ask(self, detections: Detections, public: NDArray[np.float32] | None = None) -> NDArray[np.float32] | None:
        self._seen = detections
        return detections.scores if len(detections.scores) else None

    def conclude(self, answer: NDArray[np.float32] | None) -> Tracks:
        rows = np.flatnonzero(answer > 1) if answer is not None else np.zeros(0, np.int64)
        self.counts["refused"] += len(self._seen.scores) - len(rows)
        return Tracks(self._seen.boxes[rows], np.arange(1, len(rows) + 1), self._seen.scores[rows], rows)


def answer(network: nn.Module, questions: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    passes.append(len(questions))
    with torch.no_grad():
        together = network(torch.from_numpy(np.concatenate(questions))[:, None])[:, 0].numpy()
    return np.split(together, np.cumsum([len(each) for each in questions])[:-1])


SPEC: ModelSpec = replace(
    seen.spec(), association=Association(ScoreTracker, answer=answer, network=lambda _: nn.Linear(1, 1, bias=False), prefix="association.")
)


def model(folder: Path, weight: float = 2.0) -> Path:
    """A folder with weights of a whole network, of which trackers ask one number."""
    folder.mkdir()
    save_file({"association.weight": torch.tensor([[weight]]), "detector.weight": torch.zeros(9)}, folder / WEIGHTS)
    return folder


def stored(folder: Path, weights: str) -> list[ObservedSequence]:
    """Sequences of several lengths, with a frame without detections, and one that is absent."""
    for name, length in LENGTHS.items():
        with ObservationWriter(folder / f"{name}.parquet", **FACTS | {"sequence": name}, weights=weights) as writer:
            for frame in range(1, length + 1):
                writer.write(observation(frame + (frame > 2), 0 if frame == 2 else 6, 1, public=False))
    return [load(folder / f"{name}.parquet", SPEC) for name in LENGTHS]


def rows_of(found: ResultRows) -> list[Any]:
    rows = found.collect()
    return [rows.frame.tolist(), rows.identity.tolist(), rows.boxes.tolist()]


def test_sequences_share_passes_and_are_tracked_as_alone(tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    sequences, asked = stored(tmp_path, file_digest(folder / WEIGHTS)), load_asked(SPEC, seen.Options(), folder)
    assert asked is not None
    passes.clear()
    together = associate_all(sequences, SPEC, seen.Options(), asked)
    assert passes == [3, 2, 1, 1], "as many passes as the longest sequence has frames to ask about"
    for sequence, found in zip(sequences, together, strict=True):
        live = Follower(SPEC, seen.Options(), 12.5, 64, 48, asked.network)
        alone = ResultRows()
        for item in sequence.frames:
            alone.add(item.frame, live.step(item.frame, item.detections, None))
        assert rows_of(found) == rows_of(alone)
        assert found.counts == live.counts
    refused = sum(int((item.detections.scores <= 0.5).sum()) for sequence in sequences for item in sequence.frames)
    assert sum(found.counts["refused"] for found in together) == refused > 0


def test_a_network_of_other_weights_is_refused(tmp_path: Path) -> None:
    seen_by, other = model(tmp_path / "model"), model(tmp_path / "other", 3.0)
    stored(tmp_path, file_digest(seen_by / WEIGHTS))
    with pytest.raises(UserError, match=r"a: what is stored was seen by a network of weights \w{12}, and its tracker would ask one of"):
        retrack(tmp_path / "a.parquet", SPEC, seen.Options(), tmp_path / "a.txt", load_asked(SPEC, seen.Options(), other))
    retrack(tmp_path / "a.parquet", SPEC, seen.Options(), tmp_path / "a.txt", load_asked(SPEC, seen.Options(), seen_by))
    assert (tmp_path / "a.txt").stat().st_size > 0


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    save_file({"association.weight": torch.zeros(2, 2)}, tmp_path / "model" / WEIGHTS)
    with pytest.raises(UserError, match=r"association\.\*\) fits only in part: weight"):
        load_asked(SPEC, seen.Options(), tmp_path / "model")
    assert load_asked(seen.spec(), seen.Options(), tmp_path / "model") is None, "whose trackers ask nothing"
