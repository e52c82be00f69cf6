"""The code that goes to a cluster's machines, which need Ray and the locked packages but no checkout of this repository."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.errors import UserError

TOPS = ("pipeline", "stages", "models", "experiments", "throughline", "presets", "params.yaml", "dvc.yaml", "pyproject.toml")
LIMIT_MB = 50.0
_UNWANTED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def packed(root: Path, into: Path | None = None) -> Path:
    """Copy the code into a fresh folder, to be Ray's `working_dir`, and say how large it is.

    Args:
        root: the repository.
        into: an existing folder to copy to; None: a temporary one, which Ray has read when `ray.init` returns.

    Raises:
        UserError: it is more than `LIMIT_MB`; names the largest folders.
    """
    sizes = _sizes(root)
    total = sum(sizes.values()) / 1e6
    if total > LIMIT_MB:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
        named = ", ".join(f"{name} ({sizes[name] / 1e6:.0f} MB)" for name in largest)
        raise UserError(
            f"the code for the cluster's machines has {total:.0f} MB, allowed are {LIMIT_MB:.0f}: {named}\n"
            "next: move what is no code (weights, data, videos) out of these folders"
        )
    folder = into or Path(tempfile.mkdtemp(prefix="throughline-code-"))
    for top in TOPS:
        if (root / top).is_dir():
            shutil.copytree(root / top, folder / top, ignore=_UNWANTED)
        elif (root / top).is_file():
            shutil.copy2(root / top, folder / top)
    print(f"code for the cluster's machines: {total:.1f} MB")
    return folder


def _sizes(root: Path) -> dict[str, int]:
    """Bytes of each folder that is sent, two levels deep, without what Python compiles."""
    found: dict[str, int] = {}
    for top in TOPS:
        files = [root / top] if (root / top).is_file() else (root / top).rglob("*")
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                name = "/".join(path.relative_to(root).parts[:2])
                found[name] = found.get(name, 0) + path.stat().st_size
    return found
