"""What is timed is the stage's own loop, and the bare network sees the same pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import tracking
from pipeline.files.mot_text import read_rows


def test_the_loop_writes_all_frames_and_the_bare_network_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "FRAMES", 5)
    pictures, detector = list(tracking.film()), tracking.network(96, 64)
    frames = tracking.write(tmp_path / "film.parquet", pictures)
    for _ in range(2):
        tracking.tracked(frames, tmp_path, detector, 2)()
    text = next(tmp_path.glob("tracks*/film.txt"))
    assert set(read_rows(text, kind="results").frame.tolist()) <= set(range(1, 6))
    seen: list[torch.Tensor] = []
    detector.network.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    tracking.bare(pictures, detector, 2)()
    assert [tuple(images.shape) for images in seen] == [(2, 3, 64, 96), (2, 3, 64, 96), (1, 3, 64, 96)]
