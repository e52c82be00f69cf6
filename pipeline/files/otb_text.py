"""OTB's text: a box per line, left, top, width, height from pixel 1 on, with commas, tabs or blanks between."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

SEPARATOR = re.compile(r"\s*,\s*|\s+")


def read_otb(path: Path) -> NDArray[np.float64]:
    """(F, 4) left, top, width, height as they stand, NaN where a file says so.

    Raises:
        UserError: the file is missing or empty, or a line is not four numbers (file:line).
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})\nnext: expected a box per line: left, top, width, height") from None
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise UserError(f"{path}: holds no box\nnext: expected a box per line: left, top, width, height")
    return np.array([_box(line, f"{path}:{number}") for number, line in enumerate(lines, 1)])


def _box(line: str, where: str) -> list[float]:
    cells = SEPARATOR.split(line.strip())
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = []
    if len(values) != 4 or np.isinf(values).any():
        raise UserError(f"{where}: '{line.strip()[:40]}' is not left, top, width, height\nnext: mend the line")
    return values
