"""Make a preset the current parameter file: `python -m pipeline.params.preset pets --data-root /folder/of/data/sets`."""

from __future__ import annotations

import argparse
import re
import sys
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


def main() -> None:
    """Command line; exits with 2 and a plain message on a user's mistake."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="a file of presets/ without .yaml")
    parser.add_argument("--data-root", help="folder that holds third-party data sets")
    arguments = parser.parse_args()
    try:
        print(f"{use(arguments.name, data_root=arguments.data_root)} is presets/{arguments.name}.yaml")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
