"""Partners: near in time, uniform, sometimes another scene; drawn from (seed, epoch, sample) alone."""

from typing import Any

import numpy as np
import pytest

from pipeline.contract.clips import Samples
from pipeline.feeding.clips import ClipPlanner
from pipeline.files.sample_store import SampleIndex


def index(sequences: int, frames: int, *, video: bool = True, gap_after: int | None = None) -> SampleIndex:
    rows = sequences * frames
    frame = np.tile(np.arange(1, frames + 1), sequences)
    if gap_after is not None:
        frame[frame > gap_after] += 100
    sequence = np.repeat(np.arange(sequences), frames)
    return SampleIndex(np.zeros(rows, np.int32), sequence.astype(np.int32), frame.astype(np.int32), np.full(rows, video))


def planner(rows: SampleIndex, seed: int = 0, **changed: Any) -> ClipPlanner:
    sample: dict[str, Any] = {"kind": "pair", "frames": 2, "steps": (1, 10), "negatives_per_pair": 0.25} | changed
    return ClipPlanner(rows, samples=Samples(**sample), seed=seed)


def test_partners_are_uniform_on_both_sides_within_the_gap() -> None:
    rows = index(1, 61)
    pairs = planner(rows)
    plans = [pairs.plan(epoch, 30) for epoch in range(1000)]
    steps = np.array([rows.frame[plan.rows[1]] - rows.frame[plan.rows[0]] for plan in plans])
    assert all(plan.same_scene and plan.video for plan in plans), "one sequence has no negatives"
    counts = np.bincount(steps + 10, minlength=21)
    assert counts[10] == 0, "never itself"
    assert counts.sum() == counts[:21].sum()
    assert np.abs(counts[np.arange(21) != 10] - 50).max() < 35  # five standard deviations


def test_partners_respect_sequence_ends_and_missing_frames() -> None:
    rows = index(2, 12, gap_after=6)
    plans = [planner(rows, negatives_per_pair=0.0).plan(0, sample) for sample in range(24 * 20)]
    for first, second in (plan.rows for plan in plans):
        assert rows.sequence[first] == rows.sequence[second]
        assert 0 < abs(int(rows.frame[first]) - int(rows.frame[second])) <= 10


def test_a_frame_without_neighbours_is_its_own_partner() -> None:
    assert planner(index(1, 1)).plan(0, 0).rows == (0, 0)


@pytest.mark.parametrize("video", [True, False])
def test_a_fifth_of_the_pairs_shows_another_scene(video: bool) -> None:
    rows = index(4, 50, video=video)
    pairs = planner(rows)
    plans = [pairs.plan(epoch, sample) for epoch in range(20) for sample in range(200)]
    negatives = [plan for plan in plans if not plan.same_scene]
    assert abs(len(negatives) / len(plans) - 0.2) < 0.03  # 0.25 negatives a positive
    for plan in negatives:
        first, second = plan.rows
        assert first != second
        assert not video or rows.sequence[first] != rows.sequence[second]
    partners = {plan.rows[1] for plan in negatives}
    assert len(partners) > 190, "any frame of another scene can be drawn"


def test_stills_are_their_own_partners_otherwise() -> None:
    plans = [planner(index(1, 50, video=False), negatives_per_pair=0.0).plan(0, sample) for sample in range(50)]
    assert all(plan.rows == (sample, sample) and plan.same_scene and not plan.video for sample, plan in enumerate(plans))


def test_negatives_stay_in_their_data_set() -> None:
    rows = index(4, 10)._replace(dataset=np.repeat([0, 1], 20).astype(np.int32))
    for sample in range(400):
        plan = planner(rows, negatives_per_pair=9.0).plan(0, sample)
        assert rows.dataset[plan.rows[0]] == rows.dataset[plan.rows[1]]


def test_rows_need_not_be_sorted() -> None:
    rows = index(2, 20)
    shuffle = np.random.default_rng(0).permutation(40)
    mixed = SampleIndex(*(column[shuffle] for column in rows))
    for sample in range(40):
        first, second = planner(mixed, steps=(1, 2), negatives_per_pair=0.0).plan(0, sample).rows
        assert mixed.sequence[first] == mixed.sequence[second]
        assert 0 < abs(int(mixed.frame[first]) - int(mixed.frame[second])) <= 2


def test_stills_and_clips_for_other_models() -> None:
    rows = index(2, 20)
    assert planner(rows, kind="still", frames=1).plan(0, 7).rows == (7,)
    steps = set()
    for epoch in range(40):
        plan = planner(rows, kind="clip", frames=4, steps=(1, 3)).plan(epoch, 2)
        steps |= {*np.diff(plan.rows)}
        assert len(set(np.diff(plan.rows))) == 1, "one step a clip"
    assert steps == {1, 2, 3}
    still = planner(index(2, 3, video=False), kind="clip", frames=3).plan(0, 4)
    assert (still.rows, still.repeated) == ((4, 4, 4), (False,) * 3), "views of one picture, none of which repeats another"


@pytest.mark.parametrize(
    ("ends", "frames", "steps", "sample", "rows"),
    [
        ("shift", 4, (2, 2), 0, (0, 2, 4, 6)),  # fits
        ("shift", 4, (1, 99), 2, (2, 4, 6, 8)),  # the largest step that fits from here: (9 - 2) // 3
        ("shift", 4, (1, 1), 8, (6, 7, 8, 9)),  # none fits from here, so the start moves back
        ("shift", 4, (2, 2), 8, (3, 5, 7, 9)),  # and by more for the least step that is allowed
        ("shift", 4, (9, 9), 8, (0, 3, 6, 9)),  # which no place of the sequence holds
        ("refuse", 4, (1, 1), 8, (6, 7, 8, 9)),  # as `shift`; too short a sequence never comes so far
        ("repeat", 4, (1, 1), 8, (8, 9, 9, 9)),
        ("repeat", 4, (3, 3), 5, (5, 8, 9, 9)),
        ("shift", 10, (1, 4), 7, tuple(range(10))),  # as long as its sequence
        ("shift", 12, (1, 4), 7, (*range(10), 9, 9)),  # longer: the last frame repeats
        ("shift", 1, (1, 4), 7, (7,)),
    ],
)
def test_a_clip_at_the_end_of_its_sequence(ends: str, frames: int, steps: tuple[int, int], sample: int, rows: tuple[int, ...]) -> None:
    plan = planner(index(2, 10), kind="clip", frames=frames, steps=steps, ends=ends, negatives_per_pair=0.0).plan(0, sample)
    assert plan.rows == rows
    assert plan.repeated == tuple(at > 0 and row == rows[at - 1] for at, row in enumerate(rows))


def test_missing_frames_shorten_no_clip() -> None:
    plan = planner(index(1, 10, gap_after=4), kind="clip", frames=4, steps=(2, 2)).plan(0, 1)
    assert plan.rows == (1, 3, 5, 7), "the frames that are there count"


def test_partners_share_an_identity_while_there_is_one_that_does() -> None:
    rows = index(1, 9)
    known = [np.array([-1, row // 3]) for row in range(9)]  # three people, each for three frames; nobody knows the first box
    samples = Samples("pair", 2, (1, 3), common_identity=True)
    common = ClipPlanner(rows, samples=samples, seed=0, identities=lambda row: known[row])
    partners = [{common.plan(epoch, row).rows[1] for epoch in range(60)} for row in range(9)]
    assert partners == [{*range(row // 3 * 3, row // 3 * 3 + 3)} - {row} for row in range(9)]
    strangers = ClipPlanner(rows, samples=samples, seed=0, identities=lambda row: np.array([row, -1]))
    assert {strangers.plan(epoch, 4).rows[1] for epoch in range(60)} == {1, 2, 3, 5, 6, 7}, "else anyone near"
    with pytest.raises(ValueError, match="need identities"):
        ClipPlanner(rows, samples=samples, seed=0)


@pytest.mark.parametrize(
    ("kind", "frames", "changed"),
    [
        ("still", 2, {}),
        ("pair", 1, {}),
        ("clip", 0, {}),
        ("pair", 2, {"group": 4}),
        ("still", 1, {"group": 0}),
        ("clip", 3, {"steps": (3, 1)}),
    ],
)
def test_samples_that_cannot_be(kind: Any, frames: int, changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a |steps"):
        Samples(kind, frames, **changed)


def test_plans_depend_on_seed_epoch_and_sample_only() -> None:
    one, two = planner(index(3, 30)), planner(index(3, 30))
    two.plan(5, 5)
    assert [one.plan(0, sample) for sample in range(90)] == [two.plan(0, sample) for sample in range(90)]
    assert [one.plan(0, sample) for sample in range(90)] != [one.plan(1, sample) for sample in range(90)]
    assert [one.plan(0, sample) for sample in range(90)] != [planner(index(3, 30), seed=1).plan(0, sample) for sample in range(90)]
