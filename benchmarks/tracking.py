"""The track stage's inner loop for a sequence, from frame file to written text and observations, beside the bare network on ready tensors.

The network is the default preset's with random weights, in its input size and batch, on one CPU thread; reading and tracking have their
own. Random weights give as many peaks as the tracker reads, so all but the network costs what it costs in a crowd.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness import Timed, Work, compare
from benchmarks.maps import options
from models import load
from pipeline.artifacts.code import ROOT
from pipeline.artifacts.publication import Publication
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.numerics.precision import resolved
from pipeline.params.yaml_file import read_yaml
from pipeline.tracking.detector import Detector, letterbox
from pipeline.tracking.sequences import Job, Outputs, follow

FRAMES, WIDTH, HEIGHT, RATE = 48, 640, 360, 25.0


def measure() -> Iterator[Timed]:
    """One line; the unavoidable part is the bare network."""
    torch.set_num_threads(1)
    raw = read_yaml(ROOT / "presets" / "walkers.yaml", missing="")
    batch, pictures, detector = (
        raw["track"]["batch_size"],
        list(film()),
        network(raw["pack_samples"]["width"], raw["pack_samples"]["height"]),
    )
    with TemporaryDirectory() as folder:
        frames = write(Path(folder) / "film.parquet", pictures)
        yield compare(
            "track a sequence, decoding to writing",
            "frame",
            FRAMES,
            tracked(frames, Path(folder), detector, batch),
            limit=bare(pictures, detector, batch),
            rounds=5,
        )


def film(seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Smooth noise that moves: JPEG files of a usual size."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    texture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    for number in range(FRAMES):
        yield np.ascontiguousarray(np.roll(texture, 3 * number, axis=1))


def write(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> Path:
    """Write the pictures to a frame file; returns its path."""
    with FrameWriter(path, {}) as writer:
        for number, picture in enumerate(pictures, 1):
            writer.write(Frame("films", "film", number, number / RATE, WIDTH, HEIGHT, encode_jpeg(picture, 90), Objects()))
    return path


def network(width: int, height: int) -> Detector:
    """A detector with the network of the default preset, random weights, on the CPU."""
    spec, chosen = load("outrack"), options()
    torch.manual_seed(0)
    made = spec.build_network(chosen).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return Detector(spec, chosen, made, width, height, torch.device("cpu"), resolved("auto", use_gpu=False))


def tracked(frames: Path, folder: Path, detector: Detector, batch: int) -> Work:
    """Work that runs the stage's loop over the sequence; each call writes its files anew."""

    def work() -> None:
        outputs = Outputs(*(Publication(folder / name, "track", "f" * 12) for name in ("tracks", "observations", "timings")))
        follow(Job("film", frames, 1, FRAMES, RATE, False, detector.spec, detector.options, folder, batch, 1, outputs), detector)

    return work


def bare(pictures: Sequence[NDArray[np.uint8]], detector: Detector, batch: int) -> Work:
    """Work that makes the network's forward passes alone, on tensors that are ready."""
    canvases = [letterbox(picture, detector.width, detector.height)[0] for picture in pictures]
    ready = [detector.images(canvases[first : first + batch]) for first in range(0, len(canvases), batch)]

    def work() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=detector.precision == "bfloat16"):
            for images in ready:
                detector.network(images)

    return work
