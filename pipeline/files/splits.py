"""Which frames train and which are held out: the half split of the field, in both of its conventions, or named sequences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.artifacts.store import Place
from pipeline.errors import UserError
from pipeline.params.sections.data import Split

SPLIT = "split.json"
Boundary = Literal["fairmot", "centertrack"]


class Ranges(NamedTuple):
    """Frame numbers of one sequence, first and last inclusive; None where a part is empty."""

    train: tuple[int, int] | None
    val: tuple[int, int] | None


Splits = dict[str, dict[str, Ranges]]  # data set -> sequence -> ranges


def spans(splits: Splits, which: Literal["train", "val", "all"]) -> dict[tuple[str, str], tuple[int, int]]:
    """First and last frame that `track.frames` selects, by data set and sequence; sequences of which it selects nothing are absent."""
    found = {}
    for dataset, sequences in splits.items():
        for name, ranges in sequences.items():
            parts = [part for part in (ranges if which == "all" else [getattr(ranges, which)]) if part is not None]
            if parts:
                found[dataset, name] = (min(first for first, _ in parts), max(last for _, last in parts))
    return found


def half(frames: int, boundary: Boundary) -> int:
    """How many of a sequence's first frames train: floor(n/2) (FairMOT, OUTrack) or n//2 + 1 (CenterTrack, ByteTrack)."""
    return frames // 2 if boundary == "fairmot" else min(frames // 2 + 1, frames)


def split_sequence(name: str, frames: Sequence[int], rule: Split) -> Ranges:
    """Divide one sequence.

    Args:
        name: of the sequence.
        frames: its frame numbers, ascending. The half split counts frames that are there, never a stated length.
        rule: `half`, or `sequences`, where a sequence trains as a whole, is held out as a whole, or (named in neither list) is unused.
    """
    if rule.rule == "half":
        count = half(len(frames), rule.boundary)
        return Ranges(_range(frames[:count]), _range(frames[count:]))
    return Ranges(_range(frames) if name in rule.train else None, _range(frames) if name in rule.val else None)


def check_rule(rule: Split, sequences: Sequence[str]) -> None:
    """Refuse lists that the data cannot follow.

    Args:
        rule: the split.
        sequences: names of the video sequences there are.

    Raises:
        UserError: lists are empty, are given but unused, overlap, or name a sequence that does not exist.
    """
    key = "pack_samples.split"
    if rule.rule == "half":
        if rule.train or rule.val:
            raise UserError(
                f"{key}: rule half takes no lists, got train {rule.train} and val {rule.val}\nnext: empty them, or set rule: sequences"
            )
        return
    both = sorted(set(rule.train) & set(rule.val))
    if both:
        raise UserError(f"{key}: {', '.join(both)} would train and be held out\nnext: name each sequence in one list")
    unknown = sorted((set(rule.train) | set(rule.val)) - set(sequences))
    if unknown:
        raise UserError(
            f"{key}: no such sequence: {', '.join(unknown)}; there are {', '.join(sorted(sequences)) or 'none'}\nnext: correct the name"
        )
    if not rule.train:
        raise UserError(f"{key}.train: rule sequences needs at least one sequence; there are {', '.join(sorted(sequences)) or 'none'}")


def write_split(path: Path, splits: Mapping[str, Mapping[str, Ranges]]) -> None:
    """Write split.json: data set -> sequence -> {"train": [first, last] or null, "val": ...}."""
    body = {dataset: {name: ranges._asdict() for name, ranges in sequences.items()} for dataset, sequences in splits.items()}
    path.write_text(json.dumps(body, indent=1, sort_keys=True) + "\n")


def read_split(samples: Place) -> Splits:
    """Read split.json of a samples folder.

    Raises:
        UserError: the file is missing.
    """
    path = samples / SPLIT
    if not path.is_file():
        raise UserError(f"{path}: no such file\nnext: run `dvc repro pack_samples`")
    body = json.loads(path.read_text())
    return {
        dataset: {name: Ranges(*(_pair(item[part]) for part in Ranges._fields)) for name, item in found.items()}
        for dataset, found in body.items()
    }


def _range(frames: Sequence[int]) -> tuple[int, int] | None:
    return (int(frames[0]), int(frames[-1])) if len(frames) else None


def _pair(value: list[int] | None) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])
