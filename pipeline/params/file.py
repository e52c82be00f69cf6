"""A parameter file is read and checked. `load` reads the whole file; `digest` names a set of sections (for fingerprints)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from pipeline.errors import UserError
from pipeline.params.addresses import masked
from pipeline.params.sections import Params
from pipeline.params.yaml_file import read_yaml

T = TypeVar("T", bound=BaseModel)


def load(path: Path | str = "params.yaml") -> Params:
    """Read and check a parameter file.

    Raises:
        UserError: the file is missing, is not YAML, or a key is unknown, missing or ill-typed; names every such key.
    """
    return validate(Params, read(path), where=str(path))


def read(path: Path | str) -> dict[str, Any]:
    """A parameter file as a mapping of sections, unchecked.

    Raises:
        UserError: the file is missing or no mapping in YAML.
    """
    raw = read_yaml(
        Path(path), missing="no such parameter file\nnext: run from the repository's root, or write it: `throughline preset walkers`"
    )
    if not isinstance(raw, dict):
        raise UserError(f"{path}: expected sections {', '.join(Params.model_fields)}; the file holds {type(raw).__name__}")
    return raw


def validate(kind: type[T], raw: Mapping[str, Any], *, where: str, prefix: str = "", moved: Mapping[str, str] | None = None) -> T:
    """Check a mapping against a pydantic class and turn every complaint into one readable message.

    Args:
        kind: the class.
        raw: the mapping.
        where: the file, for messages.
        prefix: dotted section that the mapping is, for messages.
        moved: dotted key that the class no longer has -> what is said of it.

    Raises:
        UserError: names each offending key with its dotted path and what is allowed there.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [_complaint(kind, item, prefix, moved or {}) for item in error.errors()]
        raise UserError(f"{where}: {len(lines)} parameter(s) cannot be used\n" + "\n".join(lines)) from None


def _complaint(kind: type[BaseModel], item: Any, prefix: str, moved: Mapping[str, str]) -> str:
    key = ".".join([prefix, *map(str, item["loc"])]).strip(".")
    if item["type"] == "extra_forbidden":
        return f"  {key}: {moved[key]}" if key in moved else f"  {key}: unknown key; allowed here: {_siblings(kind, item['loc'])}"
    if item["type"] == "missing":
        return f"  {key}: missing; add it (presets/walkers.yaml shows every key with its meaning)"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error" and isinstance(item["input"], dict):  # about several keys, and says what it got
        return f"  {key}: {message}" if key else f"  {message}"
    return f"  {key}: {message} (got {masked(repr(item['input']))})"


def _siblings(kind: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Names allowed beside the key at `location`."""
    current: Any = kind
    for part in location[:-1]:
        if isinstance(part, str) and (get_origin(current) is dict or part in current.model_fields):  # else the word for a kind of value
            current = current.__args__[1] if get_origin(current) is dict else current.model_fields[part].annotation
            while get_origin(current) not in (None, dict):  # list[T], T | None, or one of two kinds
                current = next(filter(_is_section, current.__args__), current.__args__[0])
    return ", ".join(current.model_fields) or "none"


def _is_section(kind: Any) -> bool:
    kind = getattr(kind, "__origin__", kind)  # of what is annotated
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def digest(*values: Any) -> str:
    """SHA-256 (hex) of parameters or plain data, independent of key order."""
    plain = [value.model_dump() if isinstance(value, BaseModel) else value for value in values]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
