"""A version's folder holds weights and card as files, or is none of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.registry.layout import CARD, FOLDERS, WEIGHTS, model_files


@pytest.mark.parametrize("name", FOLDERS)
def test_the_folder_with_both_files_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "sub").mkdir(parents=True)
    for file in (WEIGHTS, CARD):
        (tmp_path / name / file).touch()
    assert model_files(tmp_path, "outrack/1") == tmp_path / name


@pytest.mark.parametrize("folder", [WEIGHTS, CARD])
def test_a_folder_where_a_file_should_be_is_none(tmp_path: Path, folder: str) -> None:
    (tmp_path / FOLDERS[0]).mkdir(parents=True)
    for file in (WEIGHTS, CARD):
        (tmp_path / FOLDERS[0] / file).mkdir() if file == folder else (tmp_path / FOLDERS[0] / file).touch()
    with pytest.raises(UserError, match="^outrack/1: holds no weights.safetensors and no model.json\nnext: "):
        model_files(tmp_path, "outrack/1")
