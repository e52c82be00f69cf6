"""MATLAB's files: dimensions that it drops, its version 7.3, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from pipeline.errors import UserError
from pipeline.files.matlab import read_array


def test_a_dimension_of_length_1_at_the_end_is_put_back(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"x": np.arange(6.0).reshape(2, 3), "y": np.ones(3)})
    assert read_array(tmp_path / "a.mat", "x", 3).shape == (2, 3, 1)
    assert read_array(tmp_path / "a.mat", "x", 2).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", r"a\.mat: cannot be read as MATLAB's file"),
        (b"<html>" * 40, r"a\.mat: cannot be read as MATLAB's file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n".ljust(512), "version 7.3 .HDF5. is not read"),
    ],
    ids=["empty", "a page", "7.3"],
)
def test_what_cannot_be_read_is_a_users_error(tmp_path: Path, raw: bytes, said: str) -> None:
    (tmp_path / "a.mat").write_bytes(raw)
    with pytest.raises(UserError, match=said):
        read_array(tmp_path / "a.mat", "x", 3)
    with pytest.raises(UserError, match=r"none\.mat: cannot be read \(No such file"):
        read_array(tmp_path / "none.mat", "x", 3)


def test_a_variable_that_is_no_such_array_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"text": "x", "cells": np.array([1, "x"], object), "many": np.ones((1, 2, 3, 4)), "none": np.zeros((0, 3))})
    for name in ("text", "cells", "many", "none", "lacking"):
        with pytest.raises(UserError, match=f"has no array {name} of numbers with 3 dimensions"):
            read_array(tmp_path / "a.mat", name, 3)
