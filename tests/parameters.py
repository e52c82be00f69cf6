"""The default's parameters, for tests that change some of them; read and written by the quick half of PyYAML."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml

from pipeline.params import preset


def walkers() -> dict[str, Any]:
    """The values of presets/walkers.yaml, the caller's own to change."""
    return copy.deepcopy(_walkers())


@functools.cache
def _walkers() -> dict[str, Any]:
    return preset.values(preset.DEFAULT)


def write_params(path: Path, values: dict[str, Any]) -> Path:
    """Write a parameter file, and return its path."""
    path.write_text(yaml.dump(values, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    return path
