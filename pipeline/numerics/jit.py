"""Compilation of loops over tracks and pixels, kept on disk so that one process in a checkout pays for it.

Numba looks for changes in the file of a function alone, not in those of the functions it calls. Its files therefore lie in a folder that is
named by the text of all kernels beside that file: any change makes all of these anew.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """The function as machine code, made at its first call: every floating-point operation as written, and other threads run meanwhile."""
    return _compiled(function, set())


def reordering(function: Kernel) -> Kernel:
    """As `compiled`, but sums may be taken in another order, so that several terms are added at a time."""
    return _compiled(function, {"reassoc", "contract"})


def fusing(function: Kernel) -> Kernel:
    """As `compiled`, but a product and the sum it goes into may be rounded once, as the processor does it fastest."""
    return _compiled(function, {"contract"})


def _compiled(function: Kernel, liberties: set[str]) -> Kernel:
    before = config.CACHE_DIR
    config.CACHE_DIR = before or str(_folder(Path(function.__code__.co_filename).parent))
    private = function.__name__.startswith("_")  # called by other kernels alone: no way in from Python need be made
    exact = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "no_cpython_wrapper": private}
    try:
        made: Kernel = numba.njit(fastmath=liberties, **exact)(function)
    finally:
        config.CACHE_DIR = before
    return made


@functools.cache
def _folder(kernels: Path) -> Path:
    total = hashlib.sha256()
    for path in sorted(kernels.glob("*.py")):
        total.update(path.read_bytes())
    beside, name = kernels / "__pycache__", total.hexdigest()[:12]
    return (beside if os.access(beside if beside.is_dir() else kernels, os.W_OK) else _own_folder()) / name


def _own_folder() -> Path:
    """A folder of this user's for machine code where that of the code cannot be written; nobody else may put any there."""
    folder = Path(tempfile.gettempdir(), f"throughline-code-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix="throughline-code-"))
    return folder
