"""Presets: a preset states what differs from the default, presets/walkers.yaml, which is whole (`throughline preset NAME`).

In what a system has of its own, `model` and `model` of the trainings, a preset with another `model.name` states what differs from
presets/<name>_walkers.yaml, which has them whole.
`values` gives the whole file that a preset means, `text` the same with the comments of the default, as it becomes params.yaml.
Presets may be laid over each other: qdtrack_walkers+walkers_unseen is the first with all that the second states.

The form is the one that DVC writes: one line per entry of a list, nothing for null. So `dvc exp run -S key=value` changes that line alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import TRAININGS, Params

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = "walkers"
JOIN = "+"
BELOW_KEY = 3  # place of the comments between a key and a block below it, among those of the key


def use(name: str, *, data_root: str | None = None, root: Path = ROOT) -> Path:
    """Write the whole file that a preset means to params.yaml, comments and all.

    Args:
        name: of a file in presets/, or several with + between them, each over those before it.
        data_root: folder of third-party data sets; None: the preset's own.
        root: the repository.

    Raises:
        UserError: there is no such preset, or it cannot be used.
    """
    written, target = text(name, data_root=data_root, root=root), root / "params.yaml"
    parameters.validate(Params, values(name, root), where=f"presets/{name}.yaml")
    write(target, written)
    return target


def write(path: Path, content: str) -> None:
    """Write a file so that a reader sees the old one or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    aside.write_text(content)
    os.replace(aside, path)


def values(name: str, root: Path = ROOT) -> dict[str, Any]:
    """The whole parameter file that a preset means, as a mapping.

    Raises:
        UserError: there is no such preset, or it names a key that the default lacks.
    """
    return _whole(name, parameters.read, root)


def text(name: str, *, data_root: str | None = None, root: Path = ROOT) -> str:
    """The whole parameter file that a preset means, with the preset's head and the default's comments (see `use`)."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    whole = _whole(name, lambda path: yaml.load(path.read_text()), root)
    if data_root is not None:
        whole["base"]["data_root"] = data_root
    _unfold(whole)
    stream = StringIO()
    yaml.dump(whole, stream)
    body = stream.getvalue().removeprefix(_head(stream.getvalue()))
    head = "".join(_head(_path(part, root).read_text()).rstrip("\n") + "\n" for part in name.split(JOIN)) + "\n"
    return head + re.sub(r"\n\n+(?= )", "\n", body)  # a list brings the blank line behind it along


def _whole(name: str, load: Callable[[Path], dict[str, Any]], root: Path) -> dict[str, Any]:
    """The default, with the preset's values in place of its own; of several, each over those before it."""
    first, *others = name.split(JOIN)
    whole = _of_one(first, load, root)
    for other in others:
        changes = load(_path(other, root))
        system = (changes.get("model") or {}).get("name")
        if other == DEFAULT or system not in (None, whole["model"]["name"]):
            raise UserError(
                f"presets/{other}.yaml is of a system of its own, and cannot be laid over presets/{first}.yaml\nnext: name it first"
            )
        _change(whole, changes, f"presets/{other}.yaml")
    return whole


def _of_one(name: str, load: Callable[[Path], dict[str, Any]], root: Path) -> dict[str, Any]:
    whole = load(_path(DEFAULT, root))
    if name == DEFAULT:
        return whole
    changes = load(_path(name, root))
    system = (changes.get("model") or {}).get("name", whole["model"]["name"])
    if system != whole["model"]["name"]:
        first = f"{system}_{DEFAULT}"
        own = load(_path(first, root)) if first != name and (root / "presets" / f"{first}.yaml").is_file() else changes
        whole["model"] = own["model"]
        for stage in TRAININGS:
            whole[stage]["model"] = (own.get(stage) or {}).get("model", {})
    _change(whole, changes, f"presets/{name}.yaml")
    return whole


def _unfold(section: dict[str, Any]) -> None:
    """Make every list a plain one, which is written with one line per entry, without the comments inside it; DVC does the same."""
    for key, value in section.items():
        if isinstance(value, dict):
            _unfold(value)
            continue
        comment = section.ca.items.get(key)  # type: ignore[attr-defined]  # of ruamel.yaml's mappings
        if comment is not None:
            comment[BELOW_KEY] = None  # or a value in the place of a list is written on the line of another key
        if isinstance(value, list):
            section[key] = _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _path(name: str, root: Path) -> Path:
    path = root / "presets" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in (root / "presets").glob("*.yaml")))
        raise UserError(f"presets/{name}.yaml: no such preset; there are: {known}")
    return path


def _head(source: str) -> str:
    """The comment that a file begins with, and the blank lines after it."""
    lines = source.splitlines(keepends=True)
    count = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    return "".join(lines[:count])


def _change(default: dict[str, Any], changes: dict[str, Any], where: str, above: str = "") -> None:
    """Put the values of a preset in place of the default's, key by key."""
    for key, value in changes.items():
        if key not in default:
            raise UserError(f"{where}: {above}{key}: the default has no such key; it has {', '.join(default)}\nnext: correct the preset")
        if isinstance(value, dict) and isinstance(default[key], dict) and default[key]:
            _change(default[key], value, where, f"{above}{key}.")
        else:
            default[key] = value
