"""Compilation of loops over tracks and pixels, kept on disk so that one process in a checkout pays for it.

Numba looks for changes in the file of a function alone, not in those of the functions it calls. Its files therefore lie in a folder that is
named by the text of all kernels beside that file: any change makes all of these anew. In a checkout that folder is beside the kernels; what
was installed, or came with a logged model, may lie where nobody can write, or somewhere else at each start, and uses the user's cache.
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

IN_CHECKOUT = __name__ == "pipeline.numerics.jit"  # elsewhere the packages lie below another one (artifacts/relocation.py)

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
    source = Path(function.__code__.co_filename)
    config.CACHE_DIR = before or str(_folder(source.parent))
    if not IN_CHECKOUT:
        function.__code__ = function.__code__.replace(co_filename=str(_copy(source, Path(config.CACHE_DIR))))
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
    if not IN_CHECKOUT:
        try:
            beside = user_cache() / "kernels"
            beside.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError):  # without a home, or with one that cannot be written
            return _own_folder() / name
    return (beside if os.access(beside if beside.is_dir() else kernels, os.W_OK) else _own_folder()) / name


def _own_folder() -> Path:
    """A folder of this user's for machine code where that of the code cannot be written; nobody else may put any there."""
    folder = Path(tempfile.gettempdir(), f"throughline-code-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix="throughline-code-"))
    return folder


def user_cache() -> Path:
    """What an installation keeps for a user: `$XDG_CACHE_HOME/throughline`, or `~/.cache/throughline`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "throughline"


def _copy(source: Path, folder: Path) -> Path:
    """The same file at a place and of a time that are the same at each start, by which Numba knows it."""
    target = folder / source.parent.parent.name / source.name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{source.name}.{os.getpid()}.tmp")
        aside.write_bytes(source.read_bytes())
        os.utime(aside, (0, 0))
        os.replace(aside, target)
    return target
