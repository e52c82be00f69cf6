from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.params import file as params
from pipeline.params.preset import use
from tests.shared import ROOT


def test_a_preset_becomes_params_with_its_comments_and_another_data_root(tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    source = (ROOT / "presets" / "pets.yaml").read_text()
    (tmp_path / "presets" / "pets.yaml").write_text(source)
    path = use("pets", data_root="/mnt/sets", root=tmp_path)
    assert params.load(path).base.data_root == "/mnt/sets"
    assert path.read_text() == source.replace("data_root: data/external", "data_root: /mnt/sets")
    with pytest.raises(UserError, match="there are: pets"):
        use("dogs", root=tmp_path)
