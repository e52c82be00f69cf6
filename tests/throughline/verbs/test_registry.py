"""The registry's verbs against a real sqlite store."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.registry.runs import StageRun
from tests.pipeline.registry.test_registry import DATA, OTHER_DATA, folder, four, network, promote, run
from tests.throughline.command import throughline

__all__ = ["folder", "four", "network", "run"]


def test_commands(four: str, run: StageRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ("--tracking-uri", run.tracking_uri)

    def printed(*words: str) -> str:
        assert throughline("registry", *words, *store) == 0
        return capsys.readouterr().out

    assert "champion is now\nfour/2 (champion)" in printed("promote", f"{four}/2")
    promote(run, four, "2", 60.0)
    promote(run, four, "1", 61.5)
    promote(run, four, "3", 70.0, OTHER_DATA)
    listed = printed("list")
    belongs = "private detections, val frames of 6 sequences of walkers (aaaaaaaa), pedestrian by the rules of MOT17, run"
    assert f"HOTA 61.50  MOTA 50.00  from {belongs}" in listed
    assert "four/4 (latest)" in listed
    assert "no scores" in listed
    shown = printed("show", "four@champion")
    assert "four/1 (champion)" in shown
    assert "throughline.params_hash: abc" in shown
    assert "    iou_limit: 0.9" in shown
    compared = printed("compare", f"{four}/1", f"{four}/2")
    assert "weights: the same" in compared
    assert f"from {DATA.text}:\n    HOTA 61.50 against 60.00 (+1.50)" in compared
    assert "no score of theirs can be compared" in printed("compare", f"{four}/1", f"{four}/3")
    assert "four/1 is taken back" in printed("rollback", four)
    assert "taken back" in printed("list")
    assert "four/2 (champion)" in printed("show", "four@champion")
    printed("fetch", "four@champion", "--out", str(tmp_path / "model"))
    assert (tmp_path / "model" / "weights.safetensors").is_file()
    assert throughline("registry", "show", "four@nobody", *store) == 2
    assert "not in the registry" in capsys.readouterr().err
