"""Machine code is kept under the text of all kernels, and does the operations as written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.association.kernels.vectors import dot
from pipeline.numerics import jit


def test_machine_code_is_made_anew_when_any_kernel_changes(tmp_path: Path) -> None:
    """Numba itself looks at the file of the function that is called, not at those that it calls."""
    folders = set()
    for text in ("a = 1\n", "a = 2\n", "a = 1\n"):
        (tmp_path / "b.py").write_text(text)
        jit._folder.cache_clear()
        folders.add(jit._folder(tmp_path))
    jit._folder.cache_clear()
    assert len(folders) == 2
    assert all(folder.parent == tmp_path / "__pycache__" for folder in folders)


def test_operations_are_done_as_written() -> None:
    """A fused multiply-add would give the rounding error of the square, not 0."""

    def fused(x: float, square: float) -> float:
        return x * x - square

    x = 1 + 2.0**-30
    assert jit.compiled(fused)(x, x * x) == 0.0


@pytest.mark.parametrize("length", [0, 1, 7, 128])
def test_dot_is_near_numpys(length: int) -> None:
    first, second = np.random.default_rng(0).normal(size=(2, length)).astype(np.float32)
    assert dot(first, second) == pytest.approx(first @ second, rel=1e-5, abs=1e-6)


def test_compiling_leaves_numbas_settings_alone() -> None:
    before = jit.config.CACHE_DIR
    jit.compiled(lambda: 1)
    assert before == jit.config.CACHE_DIR
