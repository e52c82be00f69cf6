"""The ledger keeps finished rows, says which are stale, and replaces what was measured anew."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.papers.ledger import Ledger, Record
from pipeline.errors import UserError

RECORD = Record("walkers", "UTrack", 1, "setting", "fingerprint", "abc", {"MOTA": 70.0})
ASKED = {"data": "walkers", "setting": "setting", "seed": 1}


def test_records_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "tables.json"
    ledger = Ledger(path)
    ledger.add([RECORD, replace(RECORD, seed=2)])
    assert not path.exists()
    ledger.save()
    again = Ledger(path)
    assert again.records == [RECORD, replace(RECORD, seed=2)]
    found = again.find(**ASKED, fingerprint="fingerprint")
    assert found is not None
    assert (found.fresh, found.record) == (True, RECORD)
    assert again.find(data="pets", setting="setting", seed=1, fingerprint="fingerprint") is None


def test_a_changed_dependency_makes_a_row_stale_until_it_is_measured_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "tables.json")
    ledger.add([RECORD])
    found = ledger.find(**ASKED, fingerprint="other")
    assert found is not None
    assert not found.fresh
    ledger.add([replace(RECORD, fingerprint="other", metrics={"MOTA": 71.0})])
    assert [item.metrics for item in ledger.records] == [{"MOTA": 71.0}]


def test_a_broken_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tables.json"
    path.write_text('[{"label": 1}]')
    with pytest.raises(UserError, match=r"tables\.json: not a ledger"):
        Ledger(path)
