"""Checks of a sample set before a training begins: the facts that a system judges, and the memory that its batches take."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.contract.clips import Samples
from pipeline.contract.spec import SampleFacts
from pipeline.errors import UserError
from pipeline.feeding.groups import Groups
from pipeline.feeding.loader import Feed, Mix, batch_bytes, batches_in_memory, groups_of, identity_numbers, mix
from pipeline.feeding.order import check_batch
from pipeline.files.sample_store import SampleStore, open_shard, partner_reach, read_columns


def check_samples(feed: Feed) -> Mix | None:
    """Refuse a sample set that a stage cannot learn from, and say what it will take and where frames repeat.

    Returns:
        The weights of the section's `mix`, as `loader.mix` returns them; None where it is empty.

    Raises:
        UserError: `mix` or `sampling` cannot be used, the batch cannot be filled or shared, a sequence is too short for a system that
            refuses such, or the system refuses the samples for a reason of its own (`Training.check`).
    """
    settings, samples, store = feed.settings, feed.samples, SampleStore(feed.folder)
    drawn, groups = mix(feed, store), groups_of(feed, store)
    there = len(store) if groups is None else groups.rows.size
    for workers in range(settings.least_workers, settings.most_workers + 1):
        check_batch(settings.epoch_samples or there, rows=there, batch_size=settings.batch_size, workers=workers, group=samples.group)
    facts = facts_of(feed, store)
    _check_lengths(feed, samples, facts, groups, store)
    feed.training.check(feed.options, feed.system_settings, feed.stage, facts)
    warn_of_small_row_groups(feed.stage, feed, store)
    print(f"{feed.stage}: {memory_line(feed)}")
    return drawn


def warn_of_small_row_groups(stage: str, feed: Feed, store: SampleStore) -> None:
    """Say so when a sample may touch more row groups than it has frames: training reads more than it keeps."""
    frames, span = feed.samples.frames, feed.samples.steps[1] * (feed.samples.frames - 1)
    groups = 1 + partner_reach(store.index, store.row_groups, span)
    if groups > max(frames, 2):
        print(
            f"{stage}: a sample spans up to {span} frames, in {groups} row groups, more than it has frames; training is slower\n"
            f"next: make pack_samples.row_group_kb {groups // 2 + 1} times as large",
            file=sys.stderr,
        )


def facts_of(feed: Feed, store: SampleStore) -> SampleFacts:
    """What a sample set holds; identities, depth and masks are looked at for a system that needs them."""
    lengths = _lengths(store)
    people = identity_numbers(feed, store)
    return SampleFacts(
        where=str(feed.folder),
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        identities=0 if people is None else people.count,
        depth=feed.needs.depth and _has_depth(store),
        masks=feed.needs.masks and any("masks" in open_shard(shard).schema.names for shard in store.shards),
        classes=feed.classes,
    )


def memory_line(feed: Feed) -> str:
    """How much memory the batches of each worker take at most, as a line for the user.

    It is an upper bound: memory pages that no target fills are never allocated.
    """
    settings, frames, workers = feed.settings, feed.samples.frames, feed.settings.least_workers  # the fewer, the more each holds
    width, height = feed.shown
    clip, held = frames * 3 * width * height, batches_in_memory(feed)
    return (
        f"batches take up to {held * batch_bytes(feed, workers) / 1e6:.0f} MB of memory in each of {workers} workers "
        f"({held} x {settings.batch_size // workers} samples of {frames} frames of {width}x{height}, {clip / 1e6:.1f} MB each)"
    )


def _check_lengths(feed: Feed, samples: Samples, facts: SampleFacts, groups: Groups | None, store: SampleStore) -> None:
    """Sequences shorter than a clip or a group: refused, or said to repeat frames."""
    asked = max(samples.group, samples.frames if samples.kind == "clip" else 1)
    if asked == 1 or not store.index.video.any():
        return
    short = int((_lengths(store) < asked).sum())
    if short and samples.ends == "refuse":
        raise UserError(
            f"{facts.where}: {short} sequences are shorter than the {asked} frames that model.name {feed.spec.name} learns from together "
            f"(the shortest has {facts.shortest})\nnext: leave them out of extract_frames.sources, or let the model ask for fewer frames"
        )
    if groups is not None and groups.repeated.any():
        runs = int(groups.repeated.any(axis=1).sum())
        print(f"{feed.stage}: {runs} of {len(groups.rows)} runs of {asked} frames repeat one, because fewer follow each other there")
    elif groups is None and short:
        print(f"{feed.stage}: {short} sequences are shorter than a clip of {asked} frames; their last frame repeats")


def _has_depth(store: SampleStore) -> bool:
    batches = [batch for batches in read_columns(store.shards, ["depth_scale"]) for batch in batches]
    return bool(pc.any(pc.greater(pa.Table.from_batches(batches).column("depth_scale"), 0.0)).as_py())


def _lengths(store: SampleStore) -> NDArray[np.int64]:
    """(S,) frames of each sequence of a video; of stills alone, a single 1."""
    counts = np.bincount(store.index.sequence[store.index.video])
    return counts[counts > 0] if counts.any() else np.ones(1, np.int64)
