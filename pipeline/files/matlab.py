"""Arrays of numbers in MATLAB's files (.mat, versions 4 to 7.2)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.files.readable import Readable

KINDS = "biuf"  # NumPy's kinds of types that are real numbers


def read_array(path: Readable, name: str, dimensions: int) -> NDArray[Any]:
    """One variable of a file, with MATLAB's order of dimensions.

    Args:
        path: the file.
        name: of the variable.
        dimensions: how many it must have; MATLAB drops those of length 1 at the end, which are put back.

    Raises:
        UserError: the file cannot be read, has no such variable, or that is no array of numbers of so many dimensions.
    """
    from scipy.io import loadmat

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})\nnext: put the file there") from None
    try:
        found = loadmat(io.BytesIO(raw), variable_names=[name])
    except NotImplementedError:
        raise UserError(f"{path}: MATLAB's version 7.3 (HDF5) is not read\nnext: save it again with -v7") from None
    except Exception as error:  # the reader raises whatever the damage leads to
        raise UserError(f"{path}: cannot be read as MATLAB's file ({error or type(error).__name__})\nnext: replace the file") from None
    array = found.get(name)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in KINDS or array.ndim > dimensions or not array.size:
        raise UserError(f"{path}: has no array {name} of numbers with {dimensions} dimensions\nnext: replace the file")
    return array.reshape(*array.shape, *[1] * (dimensions - array.ndim))
