"""A parameter file as a command line changes it: KEY=VALUE with a dotted key, the value read as YAML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from experiments.trials.recipe import Overrides, overridden
from models.parameters import check
from pipeline.errors import UserError
from pipeline.params import file as parameters
from pipeline.params.sections import Params


class Words(yaml.SafeLoader):
    """YAML in which off, on, yes and no are words: on a command line nobody quotes them."""


Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def changed_file(path: Path, changes: Sequence[str], further: Overrides | None = None) -> tuple[dict[str, Any], Params]:
    """A parameter file with changes.

    Args:
        path: the file.
        changes: each `key=value`, as `--set` gets them.
        further: changes by dotted key, which win.

    Returns:
        The file as a mapping, and the same checked.

    Raises:
        UserError: there is no such key, or a value cannot be used.
    """
    raw = overridden(parameters.read(path), {**dict(pair(text, "--set") for text in changes), **(further or {})}, "--set")
    return raw, check(raw, str(path))[0]


def pair(text: str, option: str) -> tuple[str, Any]:
    """Key and value of `key=value`, the value read as YAML; of `--grid`, a list of the values between commas.

    Raises:
        UserError: the text is no such pair; the message names the option that it was given to.
    """
    key, sign, value = text.partition("=")
    try:
        parsed = yaml.load(f"[{value}]" if option == "--grid" else value, Words)
    except yaml.YAMLError:
        sign = ""
    if not sign or not key:
        raise UserError(f"{option} {text}: expected KEY=VALUE, with a dotted key of params.yaml")
    return key, parsed
