"""Make a preset the current parameter file: `throughline preset pets`."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.params import file as params

ROOT = Path(__file__).resolve().parents[2]


def use(name: str, *, data_root: str | None = None, root: Path = ROOT) -> Path:
    """Copy presets/<name>.yaml to params.yaml, comments and all, with another data root where one is given.

    Raises:
        UserError: no such preset, or it cannot be used.
    """
    source = root / "presets" / f"{name}.yaml"
    if not source.is_file():
        known = ", ".join(sorted(p.stem for p in (root / "presets").glob("*.yaml")))
        raise UserError(f"presets/{name}.yaml: no such preset; there are: {known}")
    text = source.read_text()
    if data_root is not None:
        text = re.sub(r"(?m)^(  data_root: )(\S+)", lambda match: match[1] + data_root, text, count=1)
    target = root / "params.yaml"
    write_text(target, text)
    params.load(target)
    return target
