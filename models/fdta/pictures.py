"""What the report shows of FDTA: where queries see depth, which frames trajectories see, how alike people look (Figs. 11 to 13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.fdta.decode import FdtaDetections, decode, describe
from models.fdta.network import AssociationNetwork, FdtaNetwork, FdtaOutputs
from models.fdta.options import FdtaOptions
from models.fdta.questions import answer
from models.fdta.spatial import STRIDE
from models.fdta.tracker import FdtaTracker
from pipeline.contract.clips import to_float
from pipeline.contract.pictures import Matrix, Overlay, Pictures, Shown, Stretch
from pipeline.numerics.boxes import iou

Floats = NDArray[np.float32]
MOST_FRAMES = 48  # of a stretch, unless a clip is longer
TEXT = (
    "Depth attention: bright where the query of the framed person looks in the last layer of the decoder (Fig. 11). Temporal adapter: "
    "which frames, as columns, each frame of a trajectory, as rows, looks at; a frame in which the person was not seen is a dark column "
    "(Fig. 12). Cosines of the queries of one frame's people, of the pretrained detector and after identities were learnt: the lower "
    "off the diagonal, the easier people are told apart (Fig. 13)."
)


class Trajectory(NamedTuple):
    """A person in a window of frames.

    Attributes:
        identity: of the track.
        first: place of the window's first frame in the stretch.
        queries: (T, width) float32, zeros where the person was not seen.
        seen: (T,) bool.
    """

    identity: int
    first: int
    queries: Floats
    seen: NDArray[np.bool_]

    @property
    def gap(self) -> int:
        """Frames without the person between its first and its last one."""
        places = np.flatnonzero(self.seen)
        return int(places[-1] - places[0] + 1 - len(places))


def frames(options: FdtaOptions) -> int:
    """Frames of a stretch: enough of them to find a gap in, where clips are short."""
    clip = options.network.frames
    return max(clip, min(4 * clip, MOST_FRAMES))


@torch.no_grad()
def show(network: FdtaNetwork, before: FdtaNetwork | None, options: FdtaOptions, stretch: Stretch) -> list[Shown]:
    """Depth attention of the two people that overlap most, the trajectory with the longest gap, and cosines, where the network has them."""
    seen = [_detect(network, options, image) for image in stretch.images]
    people = seen[-1].above(options.tracker.detection_threshold)
    shown: list[Shown] = []
    if options.network.uses_depth and len(people.boxes):
        shown += _depth_overlays(network, stretch, people)
    if options.network.temporal and (chosen := most_interrupted(trajectories(network.association, options, seen))) is not None:
        shown.append(_temporal_matrix(network.association, stretch, chosen))
    if len(people.boxes) > 1:
        shown += _similarities(network, before, options, stretch, people)
    return shown


PICTURES = Pictures(title="Depth, time and identity", text=TEXT, frames=frames, show=show)


@torch.no_grad()
def depth_attention(network: FdtaNetwork, images: Tensor) -> tuple[FdtaOutputs, Floats]:
    """What the last decoder layer's queries look at among the depth tokens (Fig. 11).

    Args:
        network: with a spatial adapter, in evaluation mode.
        images: (N, 3, H, W) float RGB in [0, 1].

    Returns:
        The outputs, and (N, Q, h, w) weights of the cells of the tokens' stride, averaged over heads; a query's add up to 1.

    Raises:
        ValueError: the network has no spatial adapter.
    """
    spatial, layer = network.detector.spatial, network.detector.detr.decoder.layers[-1]
    if spatial is None:
        raise ValueError("a network without depth attention has none to show")
    seen: list[Any] = []
    attention: Any = layer.cross_attn_depth
    hook = attention.register_forward_pre_hook(lambda _, given: seen.append(given))
    try:
        outputs = network(images)
    finally:
        hook.remove()
    query, tokens = (given.transpose(0, 1) for given in seen[0][:2])  # attention takes sequences first
    weights = layer.depth_weights(query, tokens).float()  # type: ignore[operator]
    cell = STRIDE * spatial.pooled
    return outputs, weights.unflatten(2, (images.shape[2] // cell, images.shape[3] // cell)).cpu().numpy()


@torch.no_grad()
def temporal_attention(association: AssociationNetwork, past: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Which frames each frame of a trajectory looks at in the temporal adapter's last layer (Fig. 12).

    Args:
        association: with a temporal adapter, in evaluation mode.
        past: (N, T, width) raw queries, zeros where absent.
        seen: (N, T) bool.

    Returns:
        (N, T, T), averaged over heads; rows look at columns. Columns of absent frames and everything above the diagonal are 0, but
        for an absent frame's look at itself.

    Raises:
        ValueError: the network has no temporal adapter.
    """
    if association.temporal is None:
        raise ValueError("a network without temporal adapter has no attention over frames")
    device = next(association.parameters()).device
    found: Floats = association.temporal.weights(torch.from_numpy(past).to(device), torch.from_numpy(seen).to(device)).cpu().numpy()
    return found


def similarity(embeddings: Floats) -> tuple[Floats, float]:
    """Cosines of unit embeddings (N, D) of a frame's people (Fig. 13): (N, N), and their mean off the diagonal; 0 for fewer than two."""
    cosines = (embeddings @ embeddings.T).astype(np.float32)
    others = ~np.eye(len(cosines), dtype=bool)
    return cosines, float(cosines[others].mean()) if others.any() else 0.0


def trajectories(association: AssociationNetwork, options: FdtaOptions, seen: Sequence[FdtaDetections]) -> Iterator[Trajectory]:
    """Every track of a stretch in every window of `network.frames` frames that it is seen in.

    Args:
        association: in evaluation mode.
        options: the whole `model` section.
        seen: the detections of each frame.
    """
    tracker, rows = FdtaTracker(options), list[dict[int, Floats]]()
    for detections in seen:
        question = tracker.ask(detections)
        tracks = tracker.conclude(None if question is None else answer(association, [question])[0])
        rows.append(dict(zip(tracks.identities.tolist(), detections.queries[tracks.detections], strict=True)))
    length = min(options.network.frames, len(rows))
    for first in range(len(rows) - length + 1):
        window = rows[first : first + length]
        for identity in sorted(set().union(*window)):
            there = np.array([identity in row for row in window])
            queries = np.zeros((length, options.network.width), np.float32)
            queries[there] = [row[identity] for row in window if identity in row]
            yield Trajectory(identity, first, queries, there)


def most_interrupted(found: Iterator[Trajectory]) -> Trajectory | None:
    """The trajectory with the longest gap and, of several, the most observations; None if there are no trajectories.

    A gap counts for at most as many frames as the person was seen in, so that a long gap between few observations does not win.
    """
    return max(found, key=lambda item: (min(item.gap, int(item.seen.sum())), int(item.seen.sum())), default=None)


def _detect(network: FdtaNetwork, options: FdtaOptions, image: NDArray[np.uint8]) -> FdtaDetections:
    return decode(network, network(_input(network, image)), options)[0]


def _input(network: FdtaNetwork, image: NDArray[np.uint8]) -> Tensor:
    device = next(network.parameters()).device
    return to_float(torch.from_numpy(image[None]).to(device).permute(0, 3, 1, 2))


def _depth_overlays(network: FdtaNetwork, stretch: Stretch, people: FdtaDetections) -> list[Shown]:
    """Of the last frame."""
    outputs, weights = depth_attention(network, _input(network, stretch.images[-1]))
    queries = torch.sort(outputs.logits[0, -1, :, 0].float(), descending=True, stable=True).indices  # as `decode` orders them
    overlaps = np.triu(iou(people.boxes, people.boxes), 1)
    pair = np.unravel_index(int(overlaps.argmax()), overlaps.shape) if overlaps.any() else (0,)
    where = f"{stretch.sequence}, frame {stretch.numbers[-1]}"
    return [
        Overlay(f"depth attention: {where}, score {people.scores[row]:.2f}", len(stretch.images) - 1, weights[0, queries[row]], box)
        for row, box in ((int(row), people.boxes[row]) for row in pair)
    ]


def _temporal_matrix(association: AssociationNetwork, stretch: Stretch, chosen: Trajectory) -> Matrix:
    weights = temporal_attention(association, chosen.queries[None], chosen.seen[None])[0]
    numbers = [str(number) for number in stretch.numbers[chosen.first : chosen.first + len(chosen.seen)]]
    missing = [number for number, seen in zip(numbers, chosen.seen, strict=True) if not seen]
    told = f"not seen in frame {', '.join(missing)}" if missing else "seen in every frame; no trajectory of the stretch has a gap"
    caption = f"temporal adapter: {stretch.sequence}, identity {chosen.identity}, {told}"
    return Matrix(caption, weights, numbers, numbers, (0.0, 1.0), ("frame", "looks at"))


def _similarities(
    network: FdtaNetwork, before: FdtaNetwork | None, options: FdtaOptions, stretch: Stretch, people: FdtaDetections
) -> Iterator[Matrix]:
    """The cosines of the last frame's people, as each network sees them at the same boxes."""
    names = [str(row + 1) for row in range(len(people.boxes))]
    for told, teller in (("pretrained", before), ("fine-tuned", network)):
        if teller is not None:
            outputs = teller(_input(teller, stretch.images[-1]))
            found = describe(teller, outputs, [people.boxes], [people.scores], [people.classes], options)[0]
            cosines, mean = similarity(found.embeddings)
            caption = f"cosines, {told}: {stretch.sequence}, frame {stretch.numbers[-1]}, mean off the diagonal {mean:.2f}"
            yield Matrix(caption, cosines, names, names, (0.0, 1.0), ("person", "person"))
