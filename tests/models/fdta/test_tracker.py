"""The tracker: births, labels, the window, what it cannot do, and several sequences in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.fdta.decode import FdtaDetections
from models.fdta.memory import Memory
from models.fdta.network import AssociationNetwork
from models.fdta.questions import Question, answer
from models.fdta.tracker import FdtaTracker
from pipeline.errors import UserError
from tests.models.fdta.samples import small_options, tracker

WIDTH = 16
PEOPLE = np.random.default_rng(0).normal(size=(20, WIDTH)).astype(np.float32)  # what each looks like


def seen(people: Sequence[int], scores: Any = None) -> FdtaDetections:
    """A frame with these people, best first, each at a place of its own."""
    boxes = np.array([[10 * p, 0, 10 * p + 8, 20] for p in people], np.float32).reshape(-1, 4)
    given = np.linspace(0.95, 0.9, len(people)) if scores is None else np.asarray(scores)
    queries = PEOPLE[list(people)].reshape(-1, WIDTH)
    return FdtaDetections(boxes, given.astype(np.float32), queries / 4, queries)


class Oracle:
    """Answers with certainty by likeness, in the network's place: an object is whose query its own equals."""

    def __init__(self, tracker: FdtaTracker) -> None:
        self.tracker = tracker
        self.vocabulary = len(tracker._memory.identity)

    def step(self, detections: FdtaDetections, public: NDArray[np.float32] | None = None) -> list[int]:
        question = self.tracker.ask(detections, public)
        tracks = self.tracker.conclude(None if question is None else self.probabilities(question))
        return tracks.identities.tolist()

    def probabilities(self, question: Question) -> NDArray[np.float32]:
        found = np.zeros((len(question.objects), self.vocabulary + 1), np.float32)
        for row, query in zip(found, question.objects, strict=True):
            same = (question.past == query).all(2) & question.seen
            row[question.labels[same.any(1)] if same.any() else self.vocabulary] = 1
        return found


def oracle(tracker: dict[str, Any] | None = None, **network: Any) -> Oracle:
    return Oracle(FdtaTracker(small_options(tracker=tracker, **network)))


def association(**network: Any) -> AssociationNetwork:
    torch.manual_seed(0)
    return AssociationNetwork(small_options(**network).network).eval()


def test_people_keep_their_identity_and_newborns_get_new_ones() -> None:
    tracker = oracle()
    assert tracker.step(seen([0, 1])) == [1, 2]
    assert tracker.step(seen([1, 0, 2])) == [2, 1, 3]


def test_tracks_name_the_detection_behind_them() -> None:
    tracker = FdtaTracker(small_options())
    assert tracker.ask(seen([0, 1, 2], [0.9, 0.5, 0.7])) is None
    assert tracker.conclude(None).detections.tolist() == [0, 2]


def test_thresholds_are_exclusive_and_births_need_more() -> None:
    tracker = oracle()
    assert tracker.step(seen([0, 1, 2], [0.61, 0.6, 0.3])) == [1]
    assert tracker.step(seen([0, 1, 2], [0.31, 0.31, 0.3])) == [1], "known ones need less"


def test_the_window_forgets_and_empty_frames_move_it_on() -> None:
    tracker = oracle(frames=4)  # three past frames
    assert tracker.step(seen([0])) == [1]
    for _ in range(2):
        assert tracker.step(seen([])) == []
    assert tracker.step(seen([0])) == [1], "still in the window"
    for _ in range(3):
        tracker.step(seen([]))
    assert tracker.step(seen([0])) == [2], "forgotten, and the identity is not used again"


def test_a_shorter_window_may_be_asked_for() -> None:
    tracker = oracle({"window": 1})
    tracker.step(seen([0]))
    tracker.step(seen([]))
    assert tracker.step(seen([0])) == [2]


def test_the_question_holds_the_window_with_zeros_where_absent() -> None:
    tracker = oracle(frames=4).tracker
    for people in ([0, 1], [1], [0, 1]):
        tracker.conclude(Oracle(tracker).probabilities(q) if (q := tracker.ask(seen(people))) else None)
    question = tracker.ask(seen([5]))
    assert question is not None
    assert question.labels.tolist() == [0, 1]
    assert question.seen.tolist() == [[True, False, True], [True, True, True]]
    assert np.array_equal(question.past[1], PEOPLE[[1, 1, 1]])
    assert not question.past[0, 1].any()


def test_newborns_take_the_least_recently_used_label() -> None:
    memory = Memory(window=9, vocabulary=3)
    for label in (0, 1, 2, 0):
        memory.add(np.array([label]), np.zeros((1, WIDTH), np.float32))
    assert memory.lend(2, np.zeros(0, np.int64))[0].tolist() == [1, 2]
    assert memory.lend(3, np.array([1]))[0].tolist() == [2, 0], "a label of this frame is not lent"


def test_beyond_the_vocabulary_the_best_newborns_win_and_the_others_are_counted() -> None:
    tracker = oracle(vocabulary=3)
    assert tracker.step(seen([0, 1, 2, 3, 4])) == [1, 2, 3]
    assert tracker.tracker.counts["without_label"] == 2
    assert tracker.step(seen([0, 1, 5])) == [1, 2, 4], "the third one's label goes to the newborn"
    assert tracker.tracker.counts["labels_taken"] == 1
    assert tracker.step(seen([2], [0.9])) == [5], "who lost his label is a newborn, and takes the label of the next"
    assert tracker.tracker.counts["labels_taken"] == 2


def test_public_boxes_gate_births_and_nothing_else() -> None:
    tracker = oracle()
    near_second = np.array([[10, 0, 18, 20]], np.float32)
    assert tracker.step(seen([0, 1]), near_second) == [1]
    assert tracker.step(seen([1, 0]), near_second[:0]) == [1], "who is known goes on"


@pytest.mark.parametrize("name", ["boxes", "scores", "embeddings", "queries"])
def test_what_is_not_finite_is_refused_by_frame(name: str) -> None:
    tracker = oracle()
    tracker.step(seen([0]))
    broken = seen([0, 1])
    getattr(broken, name)[0] = np.nan
    with pytest.raises(UserError, match=f"frame 2: the {name} of the detections hold NaN"):
        tracker.step(broken)


def test_one_pass_answers_several_sequences_as_each_alone() -> None:
    network = association()
    random = np.random.default_rng(1)
    questions = []
    for tracks, frames, objects in ((1, 1, 2), (4, 4, 1), (3, 2, 5)):
        present = random.random((tracks, frames)) < 0.7
        present[:, -1] = True
        past = np.where(present[..., None], random.normal(size=(tracks, frames, WIDTH)), 0).astype(np.float32)
        objects_seen = random.normal(size=(objects, WIDTH)).astype(np.float32)
        questions.append(Question(past, present, random.permutation(6)[:tracks].astype(np.int64), objects_seen))
    for together, question in zip(answer(network, questions), questions, strict=True):
        alone = answer(network, [question])[0]
        assert together.shape == (len(question.objects), 7)
        np.testing.assert_allclose(together, alone, atol=2e-6)
        np.testing.assert_allclose(together.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("protocol", ["object-max", "id-max", "hungarian"])
def test_sequences_tracked_together_give_what_each_gives_alone(protocol: str) -> None:
    network, options = association(), small_options(tracker={"protocol": protocol, "id_threshold": 0.05})
    with torch.no_grad():  # so that a network that learnt nothing does not take everybody for a newborn
        network.id_decoder.embed_to_word.weight.mul_(5.0)[-1] = 0.0
    videos = [[seen(np.random.default_rng([n, t]).permutation(6)[: 3 + n].tolist()) for t in range(8)] for n in range(3)]
    alone = []
    for video in videos:
        follower = tracker(options, network)
        alone.append([follower.step(number, frame, None).identities.tolist() for number, frame in enumerate(video, 1)])
    trackers = [FdtaTracker(options) for _ in videos]
    for time in range(8):
        questions = [one.ask(video[time]) for one, video in zip(trackers, videos, strict=True)]
        asked = [q for q in questions if q is not None]
        answers = iter(answer(network, asked) if asked else [])
        for one, question, expected in zip(trackers, questions, alone, strict=True):
            tracks = one.conclude(None if question is None else next(answers))
            assert tracks.identities.tolist() == expected[time]
    assert any(1 in frame for video in alone for frame in video[1:]), "somebody is recognised"


def test_trackers_share_a_network_but_no_memory() -> None:
    network, options = association(), small_options()
    first, second = (tracker(options, network) for _ in range(2))
    first.step(1, seen([0, 1]), None)
    assert second.step(1, seen([0]), None).identities.tolist() == [1]
