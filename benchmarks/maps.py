"""Targets, decoding, occlusion labels and refinding of a 1088x608 frame with 60 people, beside the obvious loops. Aim: 1 ms per frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import loops
from benchmarks.harness import Timed, Work, compare
from models.dense.options import STRIDE
from models.dense.peaks import LEAST_SCORE
from models.dense.targets import frame_targets
from models.occlusion.evidence import find_evidence
from models.occlusion.labels import occluded_regions
from models.outrack.decode import decode
from models.outrack.network import OutrackOutputs
from models.outrack.options import OPTIONS, OutrackOptions
from pipeline.artifacts.code import ROOT
from pipeline.contract.clips import TrainingFrame
from pipeline.params.yaml_file import read_yaml

PEOPLE, LOST, WIDTH, HEIGHT = 60, 10, 1088, 608
CALLS = 50  # in a row, per round
AIM = {"1 ms (the aim)": 1e-3}


def measure() -> Iterator[Timed]:
    """One line for each of the four."""
    boxes, chosen = people(), options()
    cells, (height, width) = boxes / STRIDE, (HEIGHT // STRIDE, WIDTH // STRIDE)
    frame = TrainingFrame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), boxes, np.arange(PEOPLE), np.zeros(PEOPLE, np.bool_))
    heat = "loop over cells, object heat map alone", lambda: loops.heat_map(cells, height, width)
    yield _line("targets of 60 boxes, all of them", lambda: frame_targets(frame, chosen), *heat)
    threshold = chosen.loss.occlusion_threshold
    pairs = "loop over pairs", lambda: loops.occluded_regions(cells, threshold)
    yield _line("occlusion labels of 60 boxes", lambda: occluded_regions(cells, threshold), *pairs)
    outputs, top_k = maps(), chosen.tracker.top_k
    peaks = "loop over peaks", lambda: loops.decode(outputs, top_k, LEAST_SCORE)
    yield _line("decode, with occlusion centres", lambda: decode(None, outputs, chosen), *peaks)
    lost, others, centres = boxes[:LOST].astype(np.float64) + 3, boxes[LOST:].astype(np.float64), points()
    tried = "loop over pairs", lambda: loops.find_evidence(lost, others, centres)
    yield _line("refinding, 10 lost of 60", lambda: find_evidence(lost, others, centres), *tried)


def _line(what: str, ours: Work, name: str, loop: Work) -> Timed:
    timed = compare(what, "frame", CALLS, _repeated(ours), {name: _repeated(loop)})
    return replace(timed, peers=AIM | timed.peers, aim=1.0)


def _repeated(work: Work) -> Work:
    def works() -> None:
        for _ in range(CALLS):
            work()

    return works


def people(seed: int = 0) -> NDArray[np.float32]:
    """(60, 4) xyxy pixels, centres inside."""
    random = np.random.default_rng(seed)
    centre, half = random.uniform(0, [WIDTH, HEIGHT], (PEOPLE, 2)), random.uniform([10, 30], [30, 90], (PEOPLE, 2))
    return np.hstack([centre - half, centre + half]).astype(np.float32)


def maps(seed: int = 0) -> OutrackOutputs:
    """A network's outputs for one frame, at random, with more peaks than any tracker reads."""
    torch.manual_seed(seed)
    size = HEIGHT // STRIDE, WIDTH // STRIDE
    heat, hidden = (torch.randn(1, 1, *size) * 2 - 6 for _ in range(2))
    given = {"heatmap": heat, "size": torch.rand(1, 4, *size) * 20, "offset": torch.rand(1, 2, *size)}
    given |= {"embedding": torch.randn(1, 128, *size), "occlusion": hidden, "occlusion_offset": torch.rand(1, 2, *size)}
    return OutrackOutputs(**{name: given.get(name) for name in OutrackOutputs._fields})  # type: ignore[arg-type]


def points() -> NDArray[np.float32]:
    """(60, 2) x, y pixels: one point near the centre of each of `people`."""
    boxes = people()
    return ((boxes[:, :2] + boxes[:, 2:]) / 2 + np.random.default_rng(1).normal(0, 5, (PEOPLE, 2))).astype(np.float32)


def options() -> OutrackOptions:
    """The model's options of the default preset."""
    raw = read_yaml(ROOT / "presets" / "walkers.yaml", missing="")["model"]
    return OPTIONS.model_validate({key: value for key, value in raw.items() if key != "name"})
