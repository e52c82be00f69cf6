"""OTB's text: a box per line, left, top, width, height from pixel 1 on, with commas, tabs or blanks between."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.readable import Readable

SEPARATOR = re.compile(r"\s*,\s*|\s+")
LARGEST = 1e9  # pixels; what is beyond is no coordinate


def read_otb(path: Readable) -> NDArray[np.float64]:
    """(F, 4) left, top, width, height as they stand, NaN where a file says so.

    Raises:
        UserError: the file is missing or empty, or a line is not four numbers (file:line).
    """
    found = boxes_of(path, None)
    if not found:
        raise UserError(f"{path}: holds no box\nnext: expected a box per line: left, top, width, height")
    return np.array(list(found.values()))


def boxes_of(path: Readable, complaints: list[str] | None) -> dict[int, list[float]]:
    """The boxes by line, from 1, blank lines at the end left out.

    Args:
        path: the file.
        complaints: gets what is wrong with single lines, which are left out then. None: the first one is raised.

    Raises:
        UserError: the file cannot be read, or a line is not four numbers.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})\nnext: expected a box per line: left, top, width, height") from None
    while lines and not lines[-1].strip():
        lines.pop()
    found = {}
    for number, line in enumerate(lines, 1):
        values = _numbers(line)
        if values is not None:
            found[number] = values
            continue
        complaint = f"{path}:{number}: '{line.strip()[:40]}' is not left, top, width, height"
        if complaints is None:
            raise UserError(f"{complaint}\nnext: mend the line")
        complaints.append(complaint)
    return found


def _numbers(line: str) -> list[float] | None:
    try:
        values = [float(cell) for cell in SEPARATOR.split(line.strip())]
    except ValueError:
        return None
    return values if len(values) == 4 and not any(abs(value) > LARGEST for value in values) else None
