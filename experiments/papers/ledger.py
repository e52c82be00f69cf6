"""The committed record of finished rows: what was measured, from which trial, on which data, at which commit.

A record names its trial's fingerprint (parameters, data and code). A row whose fingerprint is no longer in the ledger, but whose label and
seed are, is stale: measured, though something that it depends on has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts.store import write_text
from pipeline.errors import UserError


@dataclass(frozen=True)
class Record:
    """One finished trial.

    Attributes:
        data: names of the data sets that were tracked.
        label: of the row.
        seed: of the repetition.
        setting: digest of what was asked for: parameters alone, without code and data.
        fingerprint: of the outcome: parameters, data and code.
        commit: of the repository, with + where tracked files differed from it.
        metrics: by name.
        made: what `throughline trace` tells beside: `parameters` that the trial sets, digests of `data` and `code`, the kind of `machine`;
            None in records of before these were kept.
    """

    data: str
    label: str
    seed: int
    setting: str
    fingerprint: str
    commit: str
    metrics: dict[str, float]
    made: dict[str, dict[str, str]] | None = None


@dataclass(frozen=True)
class Found:
    """A record for a row, and whether it is still true of the present code and data."""

    record: Record
    fresh: bool


class Ledger:
    """The records of all papers: a file with a JSON list, one record on each line.

    Args:
        path: the file; it may be missing.

    Raises:
        UserError: the file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.records = [Record(**item) for item in json.loads(path.read_text())] if path.is_file() else []
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: not a ledger of finished rows ({error})\nnext: restore it from git") from None

    def find(self, *, data: str, setting: str, seed: int, fingerprint: str) -> Found | None:
        """The record of a trial: of this fingerprint, else the latest of the same setting and seed on the same data set."""
        same = [item for item in self.records if (item.data, item.setting, item.seed) == (data, setting, seed)]
        for item in same:
            if item.fingerprint == fingerprint:
                return Found(item, True)
        return Found(same[-1], False) if same else None

    def add(self, records: Sequence[Record]) -> None:
        """Append records, each in place of what it renews."""
        for new in records:
            self.records = [old for old in self.records if (old.data, old.setting, old.seed) != (new.data, new.setting, new.seed)]
            self.records.append(new)
        self.records.sort(key=lambda item: (item.data, item.label, item.setting, item.seed))

    def save(self) -> None:
        """Write the file."""
        lines = ",\n".join(json.dumps(_stated(item), sort_keys=True) for item in self.records)
        write_text(self.path, f"[\n{lines}\n]\n")


def _stated(record: Record) -> dict[str, Any]:
    """A record as its line says it; without what older ones lack."""
    return {key: value for key, value in asdict(record).items() if value is not None}
