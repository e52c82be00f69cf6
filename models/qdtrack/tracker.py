"""QDTrack's tracker: association by appearance alone, with backdrops (section 3.3 of the paper; details as released).

A frame is handled in this order: remove duplicates across classes; score detections against what is remembered; give each detection, best
first, its nearest candidate; start tracks; keep what is left as backdrops; forget.

- Candidates are all remembered tracks, then the backdrops. Without a remembered track nothing is matched.
- Scores are taken over all candidates; only then are pairs of different classes set to 0.
- Output boxes are the detections' own. No motion is predicted, unless the `motion` cue asks for it.
- A detection that scores high with a track without being sure itself is gone: it takes no identity and becomes no backdrop.
- A track seen in frame t is matched in frame t + memory_frames at the latest, a backdrop in frame t + backdrop_frames. `mode: release`
  skips frames without detections whole: nothing ages in them, and the backdrops of the last frame with detections stay.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.association.births import near_public
from models.association.bisoftmax import FREE, Nearest, backdrops, cosine, kept, nearest_candidates, similarity
from models.association.output import check
from models.qdtrack.candidates import Candidates
from models.qdtrack.cues import box_scores
from models.qdtrack.detections import QdtrackDetections
from models.qdtrack.options import QdtrackOptions
from models.qdtrack.tracker_options import TrackerOptions
from pipeline.contract.detections import Detections
from pipeline.contract.tracks import Tracks, Video

Floats = NDArray[np.float32]


class Match(NamedTuple):
    """What each detection of a frame that was no duplicate was matched with; for pictures of matches (Fig. 10 of the paper).

    Attributes:
        rows: (K,) int64, rows of the frame's detections.
        identities: (K,) int64, of the tracks they continue or start; 0: none.
        backdrops: (K,) bool, nearest was a backdrop.
        scores: (K,) float32, of the nearest candidate; 0 without candidates.
    """

    rows: NDArray[np.int64]
    identities: NDArray[np.int64]
    backdrops: NDArray[np.bool_]
    scores: Floats


class QdtrackTracker:
    """The memory of one sequence; satisfies `pipeline.contract.tracks.Tracker`.

    Args:
        options: the tracker's.

    Attributes:
        match: what the detections of the last frame were matched with.
    """

    def __init__(self, options: TrackerOptions) -> None:
        """Start with no tracks; the first identity will be 1."""
        self._options = options
        self._tracks = Candidates.none(motion="motion" in options.cues)
        self._backdrops = Candidates.none()
        self._frame, self._next_identity = 0, 1
        self.match = _no_match()

    def update(self, detections: Detections, public: Floats | None = None) -> Tracks:
        """Advance by one frame; see `pipeline.contract.tracks.Tracker.update`.

        Raises:
            ValueError: an array of the detections holds NaN or infinity; the message names the frame.
        """
        if len(detections.scores) == 0 and self._options.mode == "release":
            self.match = _no_match()
            return _output(detections, self.match)
        self._frame += 1
        check(detections, self._frame)
        self._tracks.predict()
        rows = self._without_duplicates(detections)
        seen = _taken(detections, rows, self._frame)
        nearest = self._assign(seen, detections)
        matched, free = np.flatnonzero(nearest.tracks >= 0), np.flatnonzero(nearest.tracks == FREE)
        tracks = nearest.tracks[matched]
        identities = np.zeros(len(seen), np.int64)
        identities[matched] = self._tracks.identities[tracks]
        self.match = Match(rows, identities, nearest.candidates >= len(self._tracks), nearest.scores)
        self._tracks.renew(tracks, seen, matched, self._options.embedding_update)
        left = self._start(seen, free, identities, public)
        self._forget(seen, left)
        return _output(detections, self.match)

    def _without_duplicates(self, detections: Detections) -> NDArray[np.int64]:
        """Rows of the detections that are compared, best first."""
        o, scores = self._options, detections.scores
        rows = np.argsort(-scores, kind="stable")
        if not o.duplicate_removal:
            return rows
        boxes, scores = detections.boxes[rows], scores[rows]
        return rows[kept(boxes, scores, sure=o.object_score, limit_unsure=o.duplicate_unsure, limit_sure=o.duplicate_sure)]

    def _assign(self, seen: Candidates, detections: Detections) -> Nearest:
        """What each detection is nearest to: tracks by row, then backdrops."""
        o, count = self._options, len(seen)
        if len(self._tracks) == 0 or count == 0:
            return Nearest(np.full(count, FREE), np.full(count, -1), np.zeros(count, np.float32))
        scores = self._scores(seen, self._tracks.followed_by(self._backdrops), detections)
        return nearest_candidates(scores, len(self._tracks), seen.scores, match=o.match_score, sure=o.object_score, drop=o.drop_score)

    def _scores(self, seen: Candidates, candidates: Candidates, detections: Detections) -> Floats:
        """(N, M) mean of the cues in use, 0 for pairs that may not match."""
        o = self._options
        scores: Floats = np.zeros((), np.float32)
        for number, cue in enumerate(o.cues):
            if cue == "appearance":
                found = similarity(o.similarity, seen.embeddings, candidates.embeddings)
            else:
                found = box_scores(cue, seen.boxes, candidates, *_moved(detections))
            scores = scores + found if number else found
        if len(o.cues) > 1:
            scores = scores / np.float32(len(o.cues))
        scores = scores * (seen.classes[:, None] == candidates.classes)
        if o.least_cosine > -1:
            scores = scores * (cosine(seen.embeddings, candidates.embeddings) >= o.least_cosine)
        return scores

    def _start(self, seen: Candidates, free: NDArray[np.int64], identities: NDArray[np.int64], public: Floats | None) -> NDArray[np.int64]:
        """Births among the free detections, which are written to `identities` (N,); returns the rows that stay free."""
        if len(free) == 0:
            return free
        sure = seen.scores[free] > self._options.init_score
        if public is not None:
            sure[sure] = near_public(seen.boxes[free[sure]], public)
        born = free[sure]
        identities[born] = np.arange(self._next_identity, self._next_identity + len(born))
        self._next_identity += len(born)
        self._tracks = self._tracks.followed_by(seen.take(born, identities))
        return free[~sure]

    def _forget(self, seen: Candidates, left: NDArray[np.int64]) -> None:
        """What is left of the detections becomes backdrops; what is too old for the next frame goes."""
        o = self._options
        self._tracks = self._tracks.since(self._frame - o.memory_frames)
        if o.backdrop_frames and len(left):
            free = np.zeros(len(seen), np.bool_)
            free[left] = True
            apart = np.flatnonzero(backdrops(seen.boxes, free, o.backdrop_overlap))
            self._backdrops = seen.take(apart, np.zeros(len(seen), np.int64)).followed_by(self._backdrops)
        self._backdrops = self._backdrops.since(self._frame - o.backdrop_frames)


def build_tracker(options: QdtrackOptions, video: Video) -> QdtrackTracker:
    """A fresh tracker for one sequence; times are in frames and boxes may leave the image, so neither rate nor size matters."""
    return QdtrackTracker(options.tracker)


def _moved(detections: Detections) -> tuple[Floats, Floats]:
    """Boxes of the frame before, and where the box head puts them now; none of another detector's."""
    if isinstance(detections, QdtrackDetections):
        return detections.previous, detections.regressed
    return detections.boxes[:0], detections.boxes[:0]


def _taken(detections: Detections, rows: NDArray[np.int64], frame: int) -> Candidates:
    """The detections at `rows`, as seen in `frame`; they are only read, so all of them need not be copied.

    Arrays that are not writable, such as those of a file, are copied all the same: kernels would be compiled for them a second time.
    """
    seen, parts = detections, (detections.boxes, detections.scores, detections.embeddings)
    whole = len(rows) == len(detections.scores) and not (rows[1:] < rows[:-1]).any()
    if not whole or not all(part.flags.writeable and part.flags.c_contiguous for part in parts):
        seen = detections.select(rows)
    identities, frames = np.zeros(len(rows), np.int64), np.full(len(rows), frame)
    return Candidates(seen.boxes, seen.scores, seen.embeddings, seen.classes, identities, frames)


def _output(detections: Detections, match: Match) -> Tracks:
    """The detections that belong to a track, best first."""
    shown = match.identities > 0
    rows = match.rows[shown]
    return Tracks(detections.boxes[rows], match.identities[shown], detections.scores[rows], rows, detections.classes[rows])


def _no_match() -> Match:
    return Match(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.float32))
